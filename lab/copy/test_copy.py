"""A stranger's copy: what is touched lies in four places, its tests pass, and it serves."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from zipfile import ZipFile

import pytest

from lab.copy import stranger
from lab.copy.make import FILES, ROOT, copy_files, make, uv, wheels
from lab.valkey import free_port

BALANCER = "deploy/haproxy/haproxy.cfg"

pytestmark = pytest.mark.processes


def ran(folder, *command, seconds=300):
    """What a command printed; fails with it."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        command, cwd=folder, env=kept, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def folder():
    """One that PostgreSQL can enter, which root starts as another user."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name) / "acme-crm"


@pytest.mark.timeout(580)
def test_a_strangers_copy_needs_no_file_of_ours(folder):
    """Renamed, without the examples, with tools, models, a setting, a route, a job and both kinds of middleware."""
    stranger.service(folder)
    found = stranger.touched(folder)
    assert found
    assert [path for path in found if not path.startswith(stranger.OWN)] == []
    if uv := shutil.which("uv", path=str(ROOT / ".uv" / "bin")):
        (folder / ".uv").symlink_to(Path(uv).resolve().parents[1])

    said = ran(folder, "make", "test")
    assert re.search(r"\b9 passed", said), said
    ran(folder, "make", "lint")
    assert "mcp-swarm" not in ran(folder, "grep", "-E", "^(STACK|MCP)_NAME=", "service.env")

    port = free_port()
    up = subprocess.Popen(
        ["make", "up", f"PORT={port}"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        lines = iter(up.stdout.readline, "")
        assert any("3 replicas on" in line for line in lines)
        with urllib.request.urlopen(f"http://localhost:{port}/about", timeout=10) as answer:
            assert answer.read() == b'{"service":"acme-crm"}'
    finally:
        os.killpg(up.pid, signal.SIGINT)
        up.wait(60)
        up.stdout.close()


def started(folder, packages):
    """What `make up` prints until a replica serves, with the library in `packages`."""
    order = [sys.executable, "-m", "deploy.local", "--replicas=1", f"--port={free_port()}"]
    up = subprocess.Popen(
        order,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(packages), "MCP_DRAIN_SECONDS": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        lines = []
        for line in up.stdout:
            lines.append(line)
            if "replicas on" in line:
                return "".join(lines)
        raise AssertionError("".join(lines))
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(60)
        up.stdout.close()


def next_version(folder):
    """The project with another number, and another configuration of the balancer."""
    copy_files(ROOT, folder, *FILES, "packages")
    for file in (*folder.glob("packages/*/pyproject.toml"), *folder.rglob("mcp_swarm/__init__.py")):
        text = file.read_text()
        file.write_text(re.sub(r'(?m)^(version|__version__) = ".*"', r'\1 = "99.1.0"', text))
    (folder / "deploy/version.env").write_text("MCP_FILES_VERSION=99.1.0\n")
    with (folder / BALANCER).open("a") as balancer:
        balancer.write("# of 99.1.0\n")
    return folder


@pytest.mark.timeout(300)
def test_a_copy_upgrades_by_a_number(folder, tmp_path):
    """New wheels and the number in pyproject.toml; the lock file follows, and a command the files."""
    make(folder)
    wheels(next_version(tmp_path / "project"), folder / "vendor")
    ours = folder / "pyproject.toml"
    ours.write_text(re.sub(r"(mcp-swarm[^=]*)==[\d.]+", r"\1==99.1.0", ours.read_text()))
    uv(folder, "lock", "--quiet")
    locked = (folder / "uv.lock").read_text()
    assert locked.count('version = "99.1.0"') == 2
    assert "vendor" in locked

    installed = tmp_path / "installed"
    with ZipFile(folder / "vendor/mcp_swarm-99.1.0-py3-none-any.whl") as wheel:
        wheel.extractall(installed)
    said = started(folder, installed)
    warning = r"WARNING local-1 .* belong to mcp-swarm 0\.1\.0, but the library is 99\.1\.0"
    assert len(re.findall(warning, said)) == 1, said
    written = subprocess.run(
        [sys.executable, "-m", "server", "files", "--write"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert written.splitlines()[:-1] == [f"outdated   {BALANCER}", "outdated   deploy/version.env"]
    assert (folder / BALANCER).read_text().endswith("# of 99.1.0\n")
    assert "belong to mcp-swarm" not in started(folder, installed)
