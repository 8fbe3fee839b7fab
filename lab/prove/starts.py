"""What can go wrong at the start gives one clear error, exit 3."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from lab.prove.proof import Outcome, Proof

ROOT = Path(__file__).parents[2]


def run(short: bool) -> list[Outcome]:
    """Starts the server four times, each with one thing wrong."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as taken:
        tree = Path(folder)
        shutil.copytree(ROOT / "server", tree / "server", ignore=shutil.ignore_patterns("*.pyc"))
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        outcomes = [
            _start(tree, "A misspelt setting", "MCP_PROT is not a setting", MCP_PROT="9000"),
            _start(
                tree,
                "A wrong database URL",
                "DATABASE_URL sqlite+aiosqlite:////nowhere/x.db cannot be used",
                DATABASE_URL="sqlite+aiosqlite:////nowhere/x.db",
            ),
            _start(tree, "A port in use", "Cannot listen on MCP_HOST", MCP_PORT=port),
        ]
        (tree / "server" / "tools").mkdir(exist_ok=True)
        (tree / "server" / "tools" / "__init__.py").touch()
        (tree / "server" / "tools" / "weather.py").write_text("import no_such_library\n")
        outcomes.append(
            _start(tree, "A broken tool file", "server/tools/weather.py:1 cannot be imported")
        )
    return outcomes


def _start(tree: Path, what: str, expected: str, **settings: str) -> Outcome:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_", "AUTH_"))}
    done = subprocess.run(
        [sys.executable, "-m", "server"],
        cwd=tree,
        env={**environment, "MCP_HOST": "127.0.0.1", "MCP_PORT": "0", **settings},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    said = done.stderr.replace(f"{tree}/", "")
    errors = [line for line in said.splitlines() if "error" in line.lower()]
    setting = " ".join(f"{k}={v}" for k, v in settings.items())
    return Outcome(
        f"{what}: one clear error, exit 3, no traceback",
        done.returncode == 3 and expected in said and "Traceback" not in said,
        {"exit code": str(done.returncode)},
        f"$ {setting} python -m server".replace("$  ", "$ ") + "\n" + "\n".join(errors),
    )


PROOF = Proof("Start errors", run)
