"""The README's first commands, run for real on a copy of the tree with its own example in it."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from lab.valkey import free_port

ROOT = Path(__file__).parents[2]
# What a reader types, in order; PORT is 8150 on the page.
COMMANDS = (
    "for i in 1 2 3 4 5 6; do curl -s localhost:PORT/version; echo; done",
    """\
curl -s -X POST localhost:PORT/mcp -H 'Content-Type: application/json' \\
    -H 'Accept: application/json' -d '{"jsonrpc":"2.0","id":1,"method":"tools/call",
        "params":{"name":"forecast","arguments":{"city":"Oslo"}}}'""",
    """\
.venv/bin/python test_swarm_load.py --url http://localhost:PORT/mcp --tool forecast \\
    --args '{"city":"Oslo"}' --requests 2000 --accept-busy-client | head -14""",
)


def begin(port: str) -> str:
    """The README's first commands, which end with `make up`, on another port."""
    block = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0]
    words, up, rest = block.rpartition("make up")
    assert up, "the README's first block does not end with `make up`"
    # Not to be made here: the environment is the one that runs this.
    return f"{words}exec make --old-file=.venv up PORT={port}{rest}"


def record() -> str:
    """A console block: what `make up` says, and each further command's output."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "mcp-swarm"
        ignored = shutil.ignore_patterns("__pycache__", "*.db*", "node_modules", ".*")
        for name in ("server", "deploy"):
            shutil.copytree(ROOT / name, tree / name, ignore=ignored)
        for name in ("test_swarm_load.py", "Makefile", "service.env", "pyproject.toml", "uv.lock"):
            shutil.copy(ROOT / name, tree)
        (tree / ".venv").symlink_to(ROOT / ".venv")
        (tree / "server" / "tools").mkdir(exist_ok=True)
        (tree / "server" / "tools" / "__init__.py").touch()
        return _served(tree)


def _served(tree: Path) -> str:
    port = str(free_port())
    log = tree.parent / "up.log"
    with log.open("w") as output:
        up = subprocess.Popen(
            ["bash", "-c", begin(port)],
            cwd=tree,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        said = _wait_for(log, "replicas on http://", up)
        shown = next(line.strip() for line in said.splitlines() if "replicas on http://" in line)
        lines = ["# make up", shown]
        for command in COMMANDS:
            done = subprocess.run(
                ["bash", "-c", command.replace("PORT", port)],
                cwd=tree,
                capture_output=True,
                text=True,
                check=True,
            )
            lines += [f"$ {command}", (done.stdout + done.stderr).strip()]
    finally:
        os.killpg(up.pid, signal.SIGINT)  # as Ctrl-C does
        up.wait(timeout=30)
    text = "\n".join(lines).replace(port, "8150").replace("PORT", "8150")
    return f"```console\n{text}\n```"


def _wait_for(log: Path, what: str, up: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + 120
    while what not in (text := log.read_text()):
        if up.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"make up did not serve:\n{text[-2000:]}")
        time.sleep(0.1)
    return text


def without_figures(text: str) -> list[str]:
    """The lines of a transcript with what differs from run to run taken out."""
    text = re.sub(r"[▏▎▍▌▋▊▉█▁▂▃▄▅▆▇]+", "", text)
    text = re.sub(r"\d[\d,.  ]*|\u2013", "#", text)
    return [re.sub(r"\s+", " ", line).strip() for line in text.splitlines()]
