"""Files: read and list what is below one folder, ``FILES_ROOT``. Nothing outside it is reachable.

Reading blocks, so a folder is listed in a thread, and a file is worked on in a process of its own, for
the words of a large one take much memory. ``sandbox`` keeps both inside.
"""

import asyncio
import fnmatch
import heapq
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Final, Literal

from fastmcp.tools import tool
from pydantic import BaseModel, Field

from mcp_swarm import process_pool, sandbox
from server.config import settings
from server.examples.tools._text import file_operations
from server.examples.tools._text.file_operations import MAX_TEXT_CHARS, Operation

SECONDS: Final = 10.0

READS = {"readOnlyHint": True, "idempotentHint": True, "openWorldHint": False}


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
    size, result = await process_pool.run(
        file_operations.process,
        *(settings().files_root, file_path, operation, lines),
        seconds=SECONDS,
    )
    cut = isinstance(result, str) and len(result) > MAX_TEXT_CHARS
    return ProcessedFile(
        file_path=file_path,
        operation=operation,
        size_bytes=size,
        result=result[:MAX_TEXT_CHARS] if isinstance(result, str) else result,
        truncated=cut,
    )


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


def _list(path: str, pattern: str, limit: int) -> Listing:
    total = 0

    def matching() -> Iterator[sandbox.Entry]:
        nonlocal total
        for entry in sandbox.Sandbox(settings().files_root).entries(path):
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
