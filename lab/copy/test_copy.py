"""A stranger's copy: what is touched lies in four places, its tests pass, and it serves."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.request
from pathlib import Path

import pytest

from lab.copy import stranger
from lab.copy.make import ROOT, make, uv, wheels
from lab.valkey import free_port

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
    """Renamed, without the examples, with tools, models, a setting, a route and a middleware."""
    stranger.service(folder)
    found = stranger.touched(folder)
    assert found
    assert [path for path in found if not path.startswith(stranger.OWN)] == []
    if uv := shutil.which("uv", path=str(ROOT / ".uv" / "bin")):
        (folder / ".uv").symlink_to(Path(uv).resolve().parents[1])

    said = ran(folder, "make", "test")
    assert re.search(r"\b8 passed", said), said
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


@pytest.mark.timeout(300)
def test_a_copy_upgrades_by_a_number(folder, tmp_path):
    """New wheels and the number in pyproject.toml; the lock file follows."""
    make(folder)
    shutil.copytree(ROOT / "packages", tmp_path / "packages")
    for file in tmp_path.glob("packages/*/pyproject.toml"):
        file.write_text(re.sub(r'(?m)^version = ".*"', 'version = "99.1.0"', file.read_text()))
    wheels(tmp_path / "packages", folder / "vendor")
    ours = folder / "pyproject.toml"
    ours.write_text(re.sub(r"(mcp-swarm[^=]*)==[\d.]+", r"\1==99.1.0", ours.read_text()))
    uv(folder, "lock", "--quiet")
    locked = (folder / "uv.lock").read_text()
    assert locked.count('version = "99.1.0"') == 2
    assert "vendor" in locked
