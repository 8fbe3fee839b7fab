"""What a stranger does to a copy: renames it, deletes the examples, adds files of their own."""

import shutil
import subprocess
from pathlib import Path

from lab.copy.make import make

NAME = "acme-crm"
PROJECT = Path(__file__).parent / "project"
# Where all of it lies.
OWN = ("server/", "tests/", "service.env", "pyproject.toml")


def service(folder: Path) -> None:
    """Makes a copy in `folder` and turns it into acme-crm; `git diff` shows what was touched."""
    make(folder)
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")
    for order in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "copy")):
        subprocess.run(["git", *order], cwd=folder, check=True)
    shutil.rmtree(folder / "server" / "examples")
    _change(folder / "service.env", "MCP_NAME=template-mcp", f"MCP_NAME={NAME}")
    _change(folder / "service.env", "STACK_NAME=mcp-swarm", f"STACK_NAME={NAME}")
    shutil.copytree(PROJECT, folder, dirs_exist_ok=True)


def touched(folder: Path) -> list[str]:
    """Returns the files that differ from the copy."""
    order = ["git", "status", "--porcelain", "--untracked-files=all"]
    done = subprocess.run(order, cwd=folder, capture_output=True, text=True, check=True)
    return [line[3:] for line in done.stdout.splitlines()]


def _change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    if old not in text:
        raise LookupError(f"{path.name} has no {old!r}")
    path.write_text(text.replace(old, new))
