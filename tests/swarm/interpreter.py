"""Copies the CPython that runs the tests, for a stand-in of the public Python image."""

import re
import shutil
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path

from tests.swarm.commands import CommandError, run

# What an image never runs: tests, a desktop, what extensions are compiled with.
LEFT_OUT = shutil.ignore_patterns(
    *("test", "tests", "idlelib", "tkinter", "_tkinter*", "turtledemo", "lib2to3", "config-*"),
    *("site-packages", "dist-packages", "__pycache__", "_test*", "*.a"),
)


def copy_to(target: Path) -> list[str]:
    """Copies interpreter and standard library below ``target``, as they belong in /usr/local.

    Returns:
        The Debian packages whose shared libraries they need.
    """
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    binary = Path(sys.base_prefix, "bin", version)
    library = Path(sysconfig.get_path("stdlib"))
    (target / "bin").mkdir(parents=True)
    shutil.copy2(binary, target / "bin" / version)
    for name in ("python", "python3"):
        (target / "bin" / name).symlink_to(version)
    shutil.copytree(library, target / "lib" / version, symlinks=True, ignore=LEFT_OUT)
    (target / "lib" / version / "site-packages").mkdir()
    for shared in Path(sys.base_prefix, "lib").glob("libpython3*.so*"):
        shutil.copy2(shared, target / "lib" / shared.name, follow_symlinks=False)
    return _packages([binary, *sorted((target / "lib" / version / "lib-dynload").glob("*.so"))])


def _packages(binaries: list[Path]) -> list[str]:
    linked = run("sh", "-c", 'ldd "$@" 2>/dev/null || true', "ldd", *map(str, binaries))
    files = set(re.findall(r"=> (/\S+)", linked))
    found = set()
    for file in files:
        if not file.startswith(sys.base_prefix + "/lib/libpython"):
            found.add(_owner(file))
    return sorted(found - {""})


def _owner(file: str) -> str:
    """The package that ``file`` belongs to; Debian knows it with or without a leading /usr."""
    for path in (file, str(Path(file).resolve()), file.removeprefix("/usr"), f"/usr{file}"):
        with suppress(CommandError):
            return run("dpkg-query", "--search", path).split(":")[0]
    return ""
