"""Reads files inside one folder, ``FILES_ROOT``, and nowhere else.

A path is opened part by part, each relative to the descriptor of its folder and without following
links. So the checked file is the one that is read: there is no moment at which a link could be
swapped in. Calls block; use them from ``asyncio.to_thread``.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal

from mcp_swarm.process_pool.tool_error import ToolError

MAX_PATH_CHARS = 1024

# Each read releases the interpreter lock and takes it again. A thread that reads lines in small reads
# does so every millisecond, and the event loop, which wakes up each time, finds the lock taken again:
# measured pauses of 0.8 s. Large reads are rare enough.
BUFFER_BYTES = 1 << 20

Kind = Literal["file", "directory", "link", "other"]

_CAN_LOCK = os.open in os.supports_dir_fd and os.scandir in os.supports_fd
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class SandboxError(ToolError):
    """The path may not, or cannot, be read. The message is meant for the client."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder. ``size_bytes`` is of the entry itself; links are not followed."""

    name: str
    kind: Kind
    size_bytes: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Reads files below ``root``. ``root`` itself may be a link: the operator chose it.

    Files in the top folders ``closed`` are listed but not opened: another tool shows them, without
    their secrets.
    """

    root: Path
    closed: frozenset[str] = frozenset()

    @contextmanager
    def open(self, path: str, *, max_bytes: int) -> Iterator[BinaryIO]:
        """Opens the regular file at ``path`` (relative, ``/`` between parts) for reading.

        Raises:
            SandboxError: outside the root, a link, not a regular file, over ``max_bytes``, or absent.
        """
        if (top := (_parts(path) or ["."])[0]).casefold() in self.closed:
            raise SandboxError(
                f"Files in {top!r} cannot be read directly. Use the tool made for them."
            )
        # O_NONBLOCK: opening a named pipe would otherwise wait for its writer.
        descriptor = self._descend(path, getattr(os, "O_NONBLOCK", 0))
        try:
            _check_regular(path, os.fstat(descriptor), max_bytes)
        except SandboxError:
            os.close(descriptor)
            raise
        with os.fdopen(descriptor, "rb", buffering=BUFFER_BYTES) as file:
            yield file

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """Returns all bytes of the file at ``path``. Raises ``SandboxError`` as ``open`` does."""
        with self.open(path, max_bytes=max_bytes) as file:
            content = file.read(max_bytes + 1)
        if len(content) > max_bytes:  # it grew after the size was checked
            raise SandboxError(
                f"{path!r} grew over {max_bytes:,} bytes while it was read. Try again."
            )
        return content

    def read_text(self, path: str, *, max_bytes: int) -> str:
        """Returns the file as text. Raises ``SandboxError`` as ``open`` does, or if it is not UTF-8."""
        return decode(path, self.read(path, max_bytes=max_bytes))

    def entries(self, path: str = ".") -> Iterator[Entry]:
        """Yields the entries of the folder at ``path``, in no order.

        Raises:
            SandboxError: outside the root, a link, not a folder, or absent.
        """
        descriptor = self._descend(path, getattr(os, "O_DIRECTORY", 0))
        try:
            with os.scandir(descriptor) as found:
                for entry in found:
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:  # deleted since it was listed
                        continue
                    modified = datetime.fromtimestamp(int(status.st_mtime), UTC)
                    yield Entry(entry.name, _kind(status.st_mode), status.st_size, modified)
        finally:
            os.close(descriptor)

    def _descend(self, path: str, last_flags: int) -> int:
        """Returns a descriptor of ``path``, which the caller closes."""
        parts = _parts(path)
        if not _CAN_LOCK:
            raise SandboxError(
                "This system cannot open files without following links, so reading is disabled. "
                "Run the server on Linux or macOS, or in its container."
            )
        try:
            current = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise SandboxError(
                f"The folder of files cannot be opened: {error.strerror}. "
                "The operator sets it with FILES_ROOT."
            ) from error
        for position, part in enumerate(parts, 1):
            flags = last_flags if position == len(parts) else os.O_DIRECTORY
            try:
                below = os.open(part, _OPEN_FLAGS | flags, dir_fd=current)
            except (OSError, UnicodeError) as error:
                raise _refusal(path, part, current, error) from error
            finally:
                os.close(current)
            current = below
        return current


def decode(path: str, content: bytes) -> str:
    """Returns ``content`` of the file at ``path`` as text. Raises ``SandboxError`` if it is not UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise SandboxError(
            f"{path!r} is not UTF-8 text: byte {error.start} is 0x{content[error.start]:02x}. "
            "Only text files can be read; sha256 works on any file."
        ) from error


def _check_regular(path: str, found: os.stat_result, max_bytes: int) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise SandboxError(f"{path!r} is not a regular file. list_directory shows the files.")
    if found.st_size > max_bytes:
        raise SandboxError(
            f"{path!r} has {found.st_size:,} bytes; at most {max_bytes:,} are read. "
            "Choose a smaller file, or search_logs for a part of it."
        )


def _parts(path: str) -> list[str]:
    if len(path) > MAX_PATH_CHARS:
        raise SandboxError(
            f"The path has {len(path)} characters; at most {MAX_PATH_CHARS} are allowed."
        )
    if "\x00" in path:
        raise SandboxError(f"The path {path!r} has a NUL character. Give a plain relative path.")
    if path.startswith("/") or "\\" in path or path[1:2] == ":":
        raise SandboxError(
            f"{path!r} is not a relative path. Paths start at the server's folder of files and "
            "have '/' between their parts, such as 'logs/app.log'. list_directory shows them."
        )
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise SandboxError(
            f"{path!r} leads upwards. Paths stay inside the server's folder of files; "
            "leave out the '..'."
        )
    return parts


def _refusal(path: str, part: str, folder: int, error: Exception) -> SandboxError:
    try:
        mode = os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode
    except (OSError, UnicodeError):
        mode = 0
    if stat.S_ISLNK(mode) or getattr(error, "errno", 0) == errno.ELOOP:
        return SandboxError(
            f"{path!r} passes through the link {part!r}, and links are not followed. "
            "Name the file itself."
        )
    if isinstance(error, NotADirectoryError):
        return SandboxError(f"{part!r} in {path!r} is a {_kind(mode)}, not a folder.")
    if isinstance(error, FileNotFoundError):
        return SandboxError(f"{path!r} does not exist. list_directory shows what there is.")
    if isinstance(error, UnicodeError):
        return SandboxError(f"{path!r} cannot be a file's name. Give plain Unicode text.")
    if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return SandboxError(f"{path!r} is not a regular file. list_directory shows the files.")
    return SandboxError(
        f"{path!r} cannot be opened: {getattr(error, 'strerror', 'unknown reason')}."
    )


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "other"  # a pipe, a socket, a device
