"""Makes a copy: the files that are a copy's own, the library as wheels, a lock file for both."""

import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

from mcp_swarm.cli.files import hashed, write_stamp

ROOT = Path(__file__).resolve().parents[2]
# What a copy has; all else stays with the project. Yours to edit:
YOURS = ("server", "tests", "service.env", ".env")
# What belongs to a version of the library and is no part of its package; its wheel brings it.
FILES = (
    *("deploy", ":!deploy/own.yml", "stack.yml", "docker-compose.yml", "Makefile"),
    *("test_mcp_client.py", "test_swarm_load.py", ".dockerignore", ".gitignore"),
)
PACKAGES = ("mcp-swarm", "mcp-swarm-load")


def make(folder: Path) -> None:
    """Writes the copy into `folder`.

    Raises:
        RuntimeError: a wheel cannot be built, or the lock file not be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copy_files(ROOT, folder, *YOURS)
    files = copy_files(ROOT, folder, *FILES)
    write_stamp(folder, {name: hashed(folder / name) for name in files})
    wheels(ROOT, folder / "vendor")
    (folder / "pyproject.toml").write_text(project((ROOT / "pyproject.toml").read_text()))
    shutil.copy2(ROOT / "uv.lock", folder)  # what is locked there stays so
    uv(folder, "lock", "--quiet")


def copy_files(root: Path, folder: Path, *paths: str) -> list[str]:
    """Copies from `root`, which is the project or a copy of it, to `folder`; returns the names.

    Args:
        paths: files and folders, as Git takes them. What the project ignores is left out.
    """
    listed = _ran(ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard", *paths)
    names = [name for name in listed.splitlines() if (root / name).exists()]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, folder / name, follow_symlinks=False)
    return sorted(names)


def wheels(root: Path, folder: Path) -> None:
    """Builds the library's wheels into `folder`, with the files of its version.

    These lie outside the package, where a build backend may not look: so a copy of it is built.

    Raises:
        RuntimeError: one cannot be built.
    """
    with tempfile.TemporaryDirectory() as name:
        staged = Path(name)
        copy_files(root, staged, "packages")
        copy_files(root, staged / "packages/mcp-swarm/src/mcp_swarm/files", *FILES)
        for package in PACKAGES:
            source = str(staged / "packages" / package)
            uv(ROOT, "build", "--quiet", "--wheel", source, "--out-dir", str(folder))
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
