"""Logs: find lines by text, level and time, below the one folder ``FILES_ROOT``.

A file is read line by line in a thread, so memory stays the same whatever its size.
"""

import asyncio
import time
from datetime import datetime
from typing import Annotated, Final

from fastmcp.exceptions import ToolError
from fastmcp.tools import tool
from pydantic import BaseModel, Field

from server.core import sandbox, settings
from server.tools._text.log_lines import Level, Wanted, lines, matcher, utc

CLOSED: Final = frozenset({"deployments"})  # read_config shows these, secrets hidden
MAX_LOG_BYTES: Final = 1_000_000_000
MAX_SHOWN_CHARS: Final = 1_000
SEARCH_SECONDS: Final = 10.0


class LogLine(BaseModel):
    """A matching line. ``time`` and ``level`` are null where the log does not tell them."""

    number: int
    time: datetime | None
    level: str | None
    text: str


class LogMatches(BaseModel):
    """Matching lines in the order of the file."""

    path: str
    matches: list[LogLine]
    scanned_lines: int
    complete: bool = Field(description="False if the limit or the time ran out before the end.")
    last_line: int = Field(description="The last line looked at; go on with start_line above it.")


@tool(
    annotations={
        "title": "Search a log",
        "readOnlyHint": True,
        "idempotentHint": True,
        "openWorldHint": False,
    }
)
async def search_logs(
    path: Annotated[
        str, Field(description="The log's path below the server's files, like 'logs/checkout.log'.")
    ],
    pattern: Annotated[
        str,
        Field(max_length=200, description="Text to find, case ignored; '*' and '?' are wildcards."),
    ] = "",
    *,
    level: Annotated[
        Level | None,
        Field(description="Least level to show; lines that tell no level are then left out."),
    ] = None,
    since: Annotated[
        datetime | None, Field(description="From this time on, ISO 8601; UTC if it has no zone.")
    ] = None,
    until: Annotated[datetime | None, Field(description="Before this time, ISO 8601.")] = None,
    start_line: Annotated[int, Field(ge=1, description="First line to look at.")] = 1,
    limit: Annotated[int, Field(ge=1, le=500, description="Most lines to return.")] = 50,
) -> LogMatches:
    """Find lines of a log file (text with ISO times, or JSON lines) by text, level and time.

    Lines without a time of their own, such as a traceback's, count to the entry above them.
    """
    if since and until and utc(since) >= utc(until):
        raise ToolError(f"since ({since}) is not before until ({until}). Exchange or widen them.")
    wanted = Wanted(matcher(pattern), level, since and utc(since), until and utc(until))
    return await asyncio.to_thread(_search, path, wanted, start_line, limit)


def _search(path: str, wanted: Wanted, start_line: int, limit: int) -> LogMatches:
    deadline = time.monotonic() + SEARCH_SECONDS
    matches: list[LogLine] = []
    number, complete = 0, True
    with sandbox.Sandbox(settings().files_root, closed=CLOSED).open(
        path, max_bytes=MAX_LOG_BYTES
    ) as file:
        for number, line in enumerate(lines(file), 1):
            # Lines before start_line count too: they may be the entry that a later line belongs to.
            if wanted.has(line) and number >= start_line:
                matches.append(
                    LogLine(
                        number=number,
                        time=wanted.time,
                        level=wanted.level,
                        text=line[:MAX_SHOWN_CHARS],
                    )
                )
            if len(matches) == limit or (number % 1000 == 0 and time.monotonic() > deadline):
                complete = not file.read(1)
                break
    return LogMatches(
        path=path,
        matches=matches,
        scanned_lines=max(0, number - start_line + 1),
        complete=complete,
        last_line=number,
    )
