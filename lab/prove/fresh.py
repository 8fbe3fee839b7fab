"""A fresh clone, on a machine with Python and nothing of ours, serves.

uv, Docker and every cache are out of reach: the PATH holds Python, make, git, curl and the
shell's own tools only, and HOME is an empty folder.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab.prove.proof import Outcome, Proof

ROOT = Path(__file__).parents[2]
NEEDED = (
    *("bash", "sh", "make", "git", "curl", "env", "cat", "grep", "sed", "expand", "touch", "rm"),
    *("mkdir", "uname", "python3", "ls", "dirname", "head", "cut", "tr", "paste"),
    "sha256sum",
)
TOOLS_LIST = (
    "curl -s -X POST localhost:PORT/mcp -H 'Content-Type: application/json' "
    '-H \'Accept: application/json\' -d \'{"jsonrpc":"2.0","id":1,"method":"tools/list"}\''
)
VERSIONS = "for i in 1 2 3 4 5 6 7 8 9; do curl -s localhost:PORT/version; echo; done"


def run(short: bool) -> list[Outcome]:
    """Clones, serves, calls; in full also runs the clone's tests."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "mcp-swarm"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        environment = _bare_environment(Path(folder))
        outcomes = _serve(clone, environment)
        if not short:
            outcomes.append(_test(clone, environment, "`make test` passes there"))
            _empty(clone)
            claim = "`make test` passes with the example folders emptied"
            outcomes.append(_test(clone, environment, claim))
    return outcomes


def _bare_environment(folder: Path) -> dict[str, str]:
    bin_, home = folder / "bin", folder / "home"
    bin_.mkdir()
    home.mkdir()
    for name in NEEDED:
        # The interpreter itself, not a shim that would look for its settings at home.
        found = os.path.realpath(sys.executable) if name == "python3" else shutil.which(name)
        if found:
            (bin_ / name).symlink_to(found)
    kept = {k: v for k, v in os.environ.items() if "CERT" in k or "CA_BUNDLE" in k}
    return {**kept, "PATH": str(bin_), "HOME": str(home), "LANG": "C.UTF-8"}


def _serve(clone: Path, environment: dict[str, str]) -> list[Outcome]:
    port = "8150"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", int(port)))  # else another's answer could pass for ours
    began = time.monotonic()
    log = clone.parent / "up.log"
    with log.open("w") as output:
        up = subprocess.Popen(
            ["make", "up"],
            cwd=clone,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        while "replicas on http://" not in log.read_text():
            if up.poll() is not None or time.monotonic() - began > 300:
                return [Outcome("`make up` serves", False, {}, log.read_text()[-2000:])]
            time.sleep(0.1)
        seconds = time.monotonic() - began
        versions = _shell(VERSIONS.replace("PORT", port), environment)
        listing = _shell(TOOLS_LIST.replace("PORT", port), environment)
    finally:
        os.killpg(up.pid, signal.SIGINT)
        up.wait(timeout=30)
    names = {line for line in versions.splitlines() if "hostname" in line}
    return [
        Outcome(
            "`make up` on a machine without uv and Docker: several replicas answer on one port",
            len(names) > 1,
            {
                "from the clone to serving, all set-up included": f"{seconds:.0f} s",
                "replicas that answered nine calls": str(len(names)),
            },
            f"$ {VERSIONS.replace('PORT', port)}\n{versions}",
        ),
        Outcome(
            "The README's curl for `tools/list` answers",
            '"tools":[{' in listing.replace(" ", ""),
            {"bytes": str(len(listing))},
        ),
    ]


def _shell(command: str, environment: dict[str, str]) -> str:
    return subprocess.run(
        ["bash", "-c", command], env=environment, capture_output=True, text=True, check=True
    ).stdout


def _empty(clone: Path) -> None:
    """As a user does who has tools of their own."""
    for name in ("tools", "resources", "prompts"):
        folder = clone / "server" / name
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / "__init__.py").touch()


def _test(clone: Path, environment: dict[str, str], claim: str) -> Outcome:
    done = subprocess.run(
        ["make", "test"], cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    closing = next((x for x in reversed(done.stdout.splitlines()) if " passed" in x), "nothing ran")
    return Outcome(claim, done.returncode == 0, {"pytest": closing.strip("= ")})


PROOF = Proof("A fresh clone", run)
