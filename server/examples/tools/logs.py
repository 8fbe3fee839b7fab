"""Logs: find lines by text, level and time, below the one folder ``FILES_ROOT``.

A file is read line by line in a process of its own, so memory stays the same whatever its size.
"""

from datetime import datetime
from typing import Annotated, Final

from fastmcp.exceptions import ToolError
from fastmcp.tools import tool
from pydantic import BaseModel, Field

from mcp_swarm import process_pool
from server.config import settings
from server.examples.tools._text import log_search
from server.examples.tools._text.log_lines import Level, utc

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
    found = await process_pool.run(
        log_search.search,
        *(settings().files_root, path, pattern, level, since, until, start_line, limit),
        SEARCH_SECONDS,
        seconds=2 * SEARCH_SECONDS,
    )
    return LogMatches(
        path=path,
        matches=[
            LogLine(number=number, time=moment, level=level, text=text)
            for number, moment, level, text in found.matches
        ],
        scanned_lines=max(0, found.last_line - start_line + 1),
        complete=found.complete,
        last_line=found.last_line,
    )
