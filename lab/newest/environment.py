"""A copy of the tree with an environment of its own, so that the tree's lock and .venv stay as they are."""

import json
import tomllib
from pathlib import Path

from lab.copy.make import ROOT, copy_files, uv

Versions = dict[str, str]


class Environment:
    """A copy of the tree in a folder, and what is installed for it.

    Args:
        folder: an empty folder for the copy.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / ".venv" / "bin" / "python"
        copy_files(ROOT, folder)

    def install_newest_allowed(self) -> None:
        """Installs the newest of everything that the constraints allow."""
        uv(self.folder, "lock", "--quiet", "--upgrade")
        uv(self.folder, "sync", "--quiet", "--locked")

    def install_newest(self, names: tuple[str, ...]) -> None:
        """Installs the newest of these packages whatever bounds others set, and what they need."""
        newest = [part for name in names for part in ("--upgrade-package", name)]
        uv(self.folder, "pip", "install", "--quiet", "--python", str(self.python), *newest, *names)

    def conflict(self, requirements: list[str]) -> str | None:
        """Returns in uv's words why no versions satisfy the requirements together; None if some do."""
        asked = self.folder / "asked.in"
        asked.write_text("\n".join(requirements))
        try:
            uv(self.folder, "pip", "compile", "--quiet", str(asked))
        except RuntimeError as error:
            return " ".join(str(error).partition("cause:")[2].split()) or str(error)
        return None

    @property
    def locked(self) -> Versions:
        """The versions in the copy's uv.lock."""
        lock = tomllib.loads((self.folder / "uv.lock").read_text())
        return {package["name"]: package["version"] for package in lock["package"]}

    @property
    def installed(self) -> Versions:
        """The versions in its environment."""
        python = str(self.python)
        listed = uv(self.folder, "pip", "list", "--quiet", "--format=json", "--python", python)
        return {package["name"]: package["version"] for package in json.loads(listed)}


def moves(before: Versions, after: Versions) -> list[str]:
    """Returns a line for each package of `after` that has another version than before, or none."""
    return [
        f"{name} {before.get(name, 'not there')} → {version}"
        for name, version in sorted(after.items())
        if before.get(name) != version
    ]
