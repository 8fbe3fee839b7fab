"""A search through a whole archive of logs, compressed ones too: long work, so a job.

It goes on in portions, so that a cancelled search stops between two of them.
"""

import asyncio
import gzip
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from itertools import islice
from typing import IO, Annotated, Final, cast

from fastmcp import Context
from fastmcp.exceptions import ToolError
from fastmcp.tools import tool
from pydantic import BaseModel, Field

from server.config import settings
from server.examples.tools._text.files import readable
from server.examples.tools._text.log_lines import Level, Wanted, lines, matcher, utc

MAX_LOG_BYTES: Final = 1_000_000_000
MAX_SHOWN_CHARS: Final = 500
PORTION: Final = 5_000  # lines between two looks at whether to go on
SUFFIXES: Final = (".log", ".log.gz")


class FoundLine(BaseModel):
    """A matching line."""

    path: str
    number: int
    text: str


class ArchiveMatches(BaseModel):
    """What was found: the number in each file, and the first lines."""

    files: dict[str, int] = Field(description="Matching lines in each file.")
    matches: list[FoundLine]
    scanned_lines: int


@tool(
    task=True,
    timeout=900,
    annotations={
        "title": "Search a log archive",
        "readOnlyHint": True,
        "idempotentHint": True,
        "openWorldHint": False,
    },
)
async def search_log_archive(
    ctx: Context,
    pattern: Annotated[
        str,
        Field(max_length=200, description="Text to find, case ignored; '*' and '?' are wildcards."),
    ],
    folder: Annotated[str, Field(description="Folder of .log and .log.gz files.")] = "logs",
    *,
    level: Annotated[Level | None, Field(description="Least level to count.")] = None,
    since: Annotated[datetime | None, Field(description="From this time on, ISO 8601.")] = None,
    until: Annotated[datetime | None, Field(description="Before this time.")] = None,
    limit: Annotated[int, Field(ge=1, le=1000, description="Most lines to return.")] = 100,
) -> ArchiveMatches:
    """Search all logs of a folder, compressed ones too. Slow: run it as a job if you can."""
    found = ArchiveMatches(files={}, matches=[], scanned_lines=0)
    logs = await asyncio.to_thread(_logs, folder)
    total, done, reported = sum(size for _, size in logs), 0, 0
    for path, size in logs:
        wanted = Wanted(matcher(pattern), level, since and utc(since), until and utc(until))
        found.files[path] = 0
        with ExitStack() as opened:
            file, numbered = await asyncio.to_thread(_open, path, opened)
            while portion := await asyncio.to_thread(_next, path, numbered):
                found.scanned_lines += len(portion)
                await asyncio.to_thread(_add, found, path, portion, wanted, limit)
                matches = sum(found.files.values())
                now = done + min(size, file.tell())
                if now > reported:  # MCP: it must increase; a compressed file is read ahead
                    reported = now
                    message = f"{path}: {matches} matches in {found.scanned_lines} lines"
                    await ctx.report_progress(now, total, message)
        done += size
    return found


def _logs(folder: str) -> list[tuple[str, int]]:
    """Paths and sizes of the folder's logs, by name."""
    entries = readable(settings().files_root).entries(folder)
    return sorted(
        (f"{folder}/{entry.name}", entry.size_bytes or 0)
        for entry in entries
        if entry.name.endswith(SUFFIXES)
    )


def _open(path: str, opened: ExitStack) -> tuple[IO[bytes], Iterator[tuple[int, str]]]:
    """The file as it lies there, and its lines, numbered; closed with `opened`."""
    root = readable(settings().files_root)
    file: IO[bytes] = opened.enter_context(root.open(path, max_bytes=MAX_LOG_BYTES))
    text = file
    if path.endswith(".gz"):
        text = cast("IO[bytes]", opened.enter_context(gzip.GzipFile(fileobj=file)))
    return file, enumerate(lines(text), 1)


def _next(path: str, numbered: Iterator[tuple[int, str]]) -> list[tuple[int, str]]:
    """The next portion of lines; none at the end.

    Raises:
        ToolError: the file is not what its name says.
    """
    try:
        return list(islice(numbered, PORTION))
    except (gzip.BadGzipFile, EOFError) as error:
        raise ToolError(f"{path!r} cannot be decompressed: {error}. Leave it out.") from None


def _add(
    found: ArchiveMatches, path: str, portion: list[tuple[int, str]], wanted: Wanted, limit: int
) -> None:
    for number, line in portion:
        if wanted.has(line):
            found.files[path] += 1
            if len(found.matches) < limit:
                text = line[:MAX_SHOWN_CHARS]
                found.matches.append(FoundLine(path=path, number=number, text=text))
