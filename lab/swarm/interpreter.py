"""The CPython of the image, as this machine has it: for tests, and for a stand-in of its base.

python -m lab.swarm.interpreter     prints the path of its executable
"""

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lab.swarm.commands import PROJECT, CommandError, run

# What an image never runs: tests, a desktop, what extensions are compiled with.
LEFT_OUT = shutil.ignore_patterns(
    *("test", "tests", "idlelib", "tkinter", "_tkinter*", "turtledemo", "lib2to3", "config-*"),
    *("site-packages", "dist-packages", "__pycache__", "_test*", "*.a"),
)
ASKED = """
import json, sys, sysconfig
version = "%d.%d" % sys.version_info[:2]
print(json.dumps([version, sys.version, sys.base_prefix, sysconfig.get_path("stdlib")]))
"""


@dataclass(frozen=True)
class Interpreter:
    """One that runs here."""

    executable: str
    version: str
    """As 3.13."""
    build: str
    prefix: str
    library: str


def image_version() -> str:
    """The Python that server/Dockerfile takes where no other is named."""
    dockerfile = (PROJECT / "server/Dockerfile").read_text()
    (version,) = re.findall(r"^ARG PYTHON_VERSION=(\S+)$", dockerfile, re.MULTILINE)
    return str(version)


@cache
def of_image() -> Interpreter:
    """One of the image's version, from the PATH or from pyenv; else the one that runs this."""
    wanted = image_version()
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    named = shutil.which(f"python{wanted}")
    candidates = [sys.executable, *([named] if named else [])]
    candidates += map(str, sorted(pyenv.glob(f"{wanted}*/bin/python{wanted}")))
    found = [one for one in map(_asked, candidates) if one]
    return next((one for one in found if one.version == wanted), found[0])


def _asked(executable: str) -> Interpreter | None:
    """What it says of itself; None if it does not run: pyenv's names stand for nothing at times."""
    done = subprocess.run(
        [executable, "-c", ASKED], capture_output=True, text=True, check=False, timeout=60
    )
    return None if done.returncode else Interpreter(executable, *json.loads(done.stdout))


def copy_to(target: Path) -> list[str]:
    """Copies interpreter and standard library below ``target``, as they belong in /usr/local.

    Returns:
        The Debian packages whose shared libraries they need.
    """
    found = of_image()
    version = f"python{found.version}"
    binary = Path(found.prefix, "bin", version)
    (target / "bin").mkdir(parents=True)
    shutil.copy2(binary, target / "bin" / version)
    for name in ("python", "python3"):
        (target / "bin" / name).symlink_to(version)
    shutil.copytree(found.library, target / "lib" / version, symlinks=True, ignore=LEFT_OUT)
    (target / "lib" / version / "site-packages").mkdir()
    for shared in Path(found.prefix, "lib").glob("libpython3*.so*"):
        shutil.copy2(shared, target / "lib" / shared.name, follow_symlinks=False)
    return _packages([binary, *sorted((target / "lib" / version / "lib-dynload").glob("*.so"))])


def _packages(binaries: list[Path]) -> list[str]:
    linked = run("sh", "-c", 'ldd "$@" 2>/dev/null || true', "ldd", *map(str, binaries))
    files = set(re.findall(r"=> (/\S+)", linked))
    found = set()
    for file in files:
        if not file.startswith(of_image().prefix + "/lib/libpython"):
            found.add(_owner(file))
    return sorted(found - {""})


def _owner(file: str) -> str:
    """The package that ``file`` belongs to; Debian knows it with or without a leading /usr."""
    for path in (file, str(Path(file).resolve()), file.removeprefix("/usr"), f"/usr{file}"):
        with suppress(CommandError):
            return run("dpkg-query", "--search", path).split(":")[0]
    return ""


if __name__ == "__main__":
    if of_image().version != image_version():
        sys.exit(f"Python {image_version()}, the image's, is neither on the PATH nor in pyenv")
    print(of_image().executable)
