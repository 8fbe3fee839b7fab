"""Makes the environment of a client: once for each state of its list of versions."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from lab.require import absent

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MADE = ROOT / ".foreign"
SECONDS_TO_INSTALL = 300


def python(name: str) -> str:
    """The interpreter that has what python/`name`.txt lists."""
    listed = HERE / "python" / f"{name}.txt"
    folder = MADE / name
    interpreter = folder / "bin" / "python"
    uv = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    venv = [uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder)]
    install = [uv, "pip", "install", "-q", "--python", str(interpreter), "-r", str(listed)]
    _make(folder, listed, [venv, install], HERE)
    return str(interpreter)


def node(name: str) -> Path:
    """The folder of the client in typescript_…, its packages beside it."""
    folder = HERE / name
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    _make(folder / "node_modules", folder / "package-lock.json", [command], folder)
    return folder


def _make(made: Path, listed: Path, commands: list[list[str]], where: Path) -> None:
    """Runs `commands`, by one process at a time, unless `made` is of this list already."""
    stamp, digest = made / ".made", hashlib.sha256(listed.read_bytes()).hexdigest()
    with listed.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == digest:
            return
        for command in commands:
            _run(command, where)
        stamp.write_text(digest)


def _run(command: list[str], where: Path) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=where,
            capture_output=True,
            text=True,
            timeout=SECONDS_TO_INSTALL,
            check=False,
        )
    except FileNotFoundError:
        absent(f"{command[0]} is missing, so a client of others cannot be installed")
    if done.returncode != 0:
        absent(f"{' '.join(command[:3])} failed: {done.stderr.strip()[-600:]}")
