"""``python -m server files``: compares the files beside the library with those of its version.

    python -m server files                    what differs in the current folder
    python -m server files --write            brings the files to this version
    python -m server files --write --force    and those that you have edited

| state | meaning |
|---|---|
| missing | the version has the file, the folder does not |
| outdated | the file is as another version wrote it; this one changes or deletes it |
| edited | you have edited the file; this version does not change it |
| conflict | you have edited the file, and this version changes it |

Exit codes: 0 fine, 1 a file is missing, outdated or in conflict, 3 the library has no files.
"""

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import mcp_swarm
from mcp_swarm.errors import EXIT_FINDINGS, EXIT_FINE, StartError

# Of the version, as its wheel brings them; sources have none.
SHIPPED = Path(mcp_swarm.__file__).parent / "files"
STAMP = "deploy/files.json"
_SOURCES = "packages/mcp-swarm"
_VERSION = mcp_swarm.__version__


@dataclass(frozen=True)
class Stamp:
    """The version that wrote the files of a folder, and the hash of each as it was written."""

    version: str
    files: dict[str, str]


def run(folder: Path, *, write: bool = False, force: bool = False, shipped: Path = SHIPPED) -> int:
    """Lists the files of `folder` that differ, or writes them; returns the exit code.

    Args:
        folder: of the service.
        write: bring the files to this version.
        force: overwrite edited ones too.
        shipped: the files of this version.

    Raises:
        StartError: the library has no files.
    """
    if not shipped.is_dir():
        return _without_files(folder)
    found = compare(shipped, folder)
    for name, state in found.items():
        print(f"{state:<10} {name}")
    if write:
        return _write(folder, shipped, found, force)
    if set(found.values()) <= {"edited"}:
        print(f"The files here are those of mcp-swarm {_VERSION}.")
        return EXIT_FINE
    before = _stamp(folder).version
    print(f"The library is mcp-swarm {_VERSION}; the version that wrote these files is {before}.")
    print("Next: python -m server files --write")
    return EXIT_FINDINGS


def _without_files(folder: Path) -> int:
    """Returns 0 in the project's own folder, where the files are the originals."""
    if (folder / _SOURCES).is_dir():
        print(f"The files here are the originals of mcp-swarm {_VERSION}. Nothing to compare.")
        return EXIT_FINE
    raise StartError(
        f"This mcp-swarm {_VERSION} was built without the files of its version. Next: install "
        "a wheel of a release, or one that `python -m lab.copy` has built"
    )


def compare(shipped: Path, folder: Path) -> dict[str, str]:
    """Returns each file of `folder` that is not as in `shipped`, with its state."""
    new, old = hashes(shipped), _stamp(folder).files
    found = {}
    for name in sorted({*new, *old}):
        if state := _state(_hash(folder / name), old.get(name), new.get(name)):
            found[name] = state
    return found


def hashes(folder: Path) -> dict[str, str]:
    """Returns the hash of each file below `folder`, by its name there."""
    return {
        path.relative_to(folder).as_posix(): hashed(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def hashed(path: Path) -> str:
    """Returns the hash of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_stamp(folder: Path, files: dict[str, str]) -> None:
    """Records that `folder` has the `files` of this version: the hash of each, by its name."""
    content = asdict(Stamp(_VERSION, files))
    (folder / STAMP).write_text(json.dumps(content, indent=1) + "\n")


def _write(folder: Path, shipped: Path, found: dict[str, str], force: bool) -> int:
    """Brings the files that differ to this version; nothing is written if that loses an edit."""
    if "conflict" in found.values() and not force:
        print("Nothing is written: you have edited the files in conflict.")
        print("Next: commit, `files --write --force`, and add your changes again by `git diff`")
        return EXIT_FINDINGS
    for name, state in found.items():
        if state == "edited" and not force:
            continue
        if (shipped / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(shipped / name, folder / name)  # with its mode: some are programs
        else:
            (folder / name).unlink()
    write_stamp(folder, hashes(shipped))
    print(f"The files here are now those of mcp-swarm {_VERSION}.")
    return EXIT_FINE


def _state(here: str | None, stamped: str | None, shipped: str | None) -> str:
    """Returns how a file differs, by its hashes; empty if it does not. None: there is no file."""
    if here == shipped:
        return ""
    if here is None:
        return "missing"
    if here == stamped:
        return "outdated"
    return "edited" if stamped == shipped else "conflict"


def _stamp(folder: Path) -> Stamp:
    """Returns what was recorded of `folder`."""
    path = folder / STAMP
    return Stamp(**json.loads(path.read_text())) if path.exists() else Stamp("unknown", {})


def _hash(path: Path) -> str | None:
    return hashed(path) if path.is_file() else None
