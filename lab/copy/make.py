"""Makes a copy: the files that are a copy's own, the library as wheels, a lock file for both."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What a copy has; all else stays with the project.
OWN = (
    *("server", "tests", "deploy", "service.env", "stack.yml", "docker-compose.yml"),
    *("Makefile", "test_mcp_client.py", "test_swarm_load.py", ".dockerignore", ".gitignore"),
)
PACKAGES = ("mcp-swarm", "mcp-swarm-load")


def make(folder: Path) -> None:
    """Writes the copy into `folder`.

    Raises:
        RuntimeError: a wheel cannot be built, or the lock file not be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    listed = _ran(ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard", *OWN)
    for name in filter(None, listed.splitlines()):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    wheels(ROOT / "packages", folder / "vendor")
    (folder / "pyproject.toml").write_text(project((ROOT / "pyproject.toml").read_text()))
    shutil.copy2(ROOT / "uv.lock", folder)  # what is locked there stays so
    uv(folder, "lock", "--quiet")


def wheels(packages: Path, folder: Path) -> None:
    """Builds the library's wheels into `folder`.

    Raises:
        RuntimeError: one cannot be built.
    """
    for package in PACKAGES:
        uv(ROOT, "build", "--quiet", "--wheel", str(packages / package), "--out-dir", str(folder))
    (folder / ".gitignore").unlink(missing_ok=True)  # wheels are committed


def project(text: str) -> str:
    """Returns the copy's pyproject.toml, made from ours.

    It depends on the library by its version, and has nothing that judges or builds the library.
    """
    version = {name: _version(ROOT / "packages" / name) for name in PACKAGES}
    text = re.sub(r'"(mcp-swarm(?:-load)?)((?:\[[\w,]+\])?)"', lambda m: _pinned(m, version), text)
    text = text.replace("package = false\n", 'package = false\nfind-links = ["vendor"]\n', 1)
    text = re.sub(r"^testpaths = .*$", 'testpaths = ["tests"]', text, flags=re.MULTILINE)
    for ours in (
        r"\n\[tool\.uv\.(workspace|sources)\][^\[]*(?:\[[^\n]*\]\n)*?(?=\n\[)",
        r"\n\[+tool\.importlinter.*?(?=\n\[tool\.pytest)",
        r"\n\"packages/[^\n]*",  # rules of a folder of ours
        r', "packages/[^"]*"',
        r'\n\s+"import-linter[^\n]*',
        r"\nextend-exclude[^\n]*",
    ):
        text = re.sub(ours, "", text, flags=re.DOTALL)
    return text


def _pinned(found: "re.Match[str]", version: dict[str, str]) -> str:
    return f'"{found[1]}{found[2]}=={version[found[1]]}"'


def _version(package: Path) -> str:
    return str(tomllib.loads((package / "pyproject.toml").read_text())["project"]["version"])


def uv(folder: Path, *arguments: str) -> str:
    """Runs uv in `folder`; returns what it prints.

    Raises:
        RuntimeError: it failed.
    """
    program = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    return _ran(folder, program, *arguments)


def _ran(folder: Path, *command: str) -> str:
    kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(
        command, cwd=folder, env=kept, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)} in {folder}: exit {done.returncode}\n{done.stderr}"
        )
    return done.stdout
