"""Files: read and list what is below one folder, ``FILES_ROOT``. Nothing outside it is reachable.

Reading blocks, so each tool does it in a thread; ``sandbox`` keeps it inside.
"""

import asyncio
import fnmatch
import hashlib
import heapq
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Final, Literal

from fastmcp.tools import tool
from pydantic import BaseModel, Field

from server.core import sandbox, settings

CLOSED: Final = frozenset({"deployments"})  # read_config shows these, secrets hidden
MAX_FILE_BYTES: Final = 10_000_000
MAX_TEXT_CHARS: Final = 50_000

READS = {"readOnlyHint": True, "idempotentHint": True, "openWorldHint": False}

Operation = Literal[
    "count-lines",
    "count-words",
    "count-chars",
    "reverse-words",
    "uppercase",
    "lowercase",
    "head",
    "tail",
    "sha256",
]


class ProcessedFile(BaseModel):
    """The outcome of one operation on one file."""

    file_path: str
    operation: Operation
    size_bytes: int
    result: int | str = Field(description="A number for counts, text for everything else.")
    truncated: bool = Field(description="True if the text was longer and has been cut.")


class ListedEntry(BaseModel):
    """One name in a folder."""

    name: str
    kind: Literal["file", "directory", "link", "other"]
    size_bytes: int
    modified: datetime


class Listing(BaseModel):
    """A folder's entries by name."""

    path: str
    total: int = Field(description="How many entries match, shown or not.")
    entries: list[ListedEntry]


@tool(annotations={"title": "Process a file", **READS})
async def process_file(
    file_path: Annotated[
        str, Field(description="Path below the server's files, like 'data/customers.csv'.")
    ],
    operation: Annotated[Operation, Field(description="What to do with the file's text.")],
    lines: Annotated[int, Field(ge=1, le=1000, description="How many, for head and tail.")] = 10,
) -> ProcessedFile:
    """Count, transform, hash or show a text file (UTF-8, at most 10 MB; sha256 takes any file)."""
    return await asyncio.to_thread(_process, file_path, operation, lines)


@tool(annotations={"title": "List a folder", **READS})
async def list_directory(
    path: Annotated[str, Field(description="Folder to list; '.' is the top one.")] = ".",
    pattern: Annotated[
        str, Field(max_length=100, description="Names to show: '*.log', '*' for all.")
    ] = "*",
    limit: Annotated[int, Field(ge=1, le=1000, description="Most entries to show.")] = 200,
) -> Listing:
    """List a folder of the server's files: name, kind, size and time of change of each entry."""
    return await asyncio.to_thread(_list, path, pattern, limit)


def _sandbox() -> sandbox.Sandbox:
    return sandbox.Sandbox(settings().files_root, closed=CLOSED)


def _process(path: str, operation: Operation, lines: int) -> ProcessedFile:
    content = _sandbox().read(path, max_bytes=MAX_FILE_BYTES)
    result: int | str
    if operation == "sha256":
        result = hashlib.sha256(content).hexdigest()
    else:
        result = _OPERATIONS[operation](sandbox.decode(path, content), lines)
    cut = isinstance(result, str) and len(result) > MAX_TEXT_CHARS
    return ProcessedFile(
        file_path=path,
        operation=operation,
        size_bytes=len(content),
        result=result[:MAX_TEXT_CHARS] if isinstance(result, str) else result,
        truncated=cut,
    )


_OPERATIONS: dict[str, Callable[[str, int], int | str]] = {
    "count-lines": lambda text, _: len(text.splitlines()),
    "count-words": lambda text, _: len(text.split()),
    "count-chars": lambda text, _: len(text),
    "reverse-words": lambda text, _: " ".join(reversed(text.split())),
    "uppercase": lambda text, _: text.upper(),
    "lowercase": lambda text, _: text.lower(),
    "head": lambda text, lines: "\n".join(text.splitlines()[:lines]),
    "tail": lambda text, lines: "\n".join(deque(text.splitlines(), lines)),
}


def _list(path: str, pattern: str, limit: int) -> Listing:
    total = 0

    def matching() -> Iterator[sandbox.Entry]:
        nonlocal total
        for entry in _sandbox().entries(path):
            if fnmatch.fnmatchcase(entry.name, pattern):
                total += 1
                yield entry

    shown = heapq.nsmallest(limit, matching(), key=lambda entry: entry.name)
    entries = [
        ListedEntry(
            # A name that is not UTF-8 is shown with what can be shown of it.
            name=entry.name.encode(errors="surrogateescape").decode(errors="replace"),
            kind=entry.kind,
            size_bytes=entry.size_bytes,
            modified=entry.modified,
        )
        for entry in shown
    ]
    return Listing(path=path, total=total, entries=entries)
