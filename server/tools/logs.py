"""Logs: find lines by text, level and time, below the one folder ``FILES_ROOT``.

A file is read line by line in a thread, so memory stays the same whatever its size.
"""

import asyncio
import fnmatch
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, BinaryIO, Final, Literal, get_args

from fastmcp.exceptions import ToolError
from fastmcp.tools import tool
from pydantic import BaseModel, Field

from server.core import sandbox, settings

CLOSED: Final = frozenset({"deployments"})  # read_config shows these, secrets hidden
MAX_LOG_BYTES: Final = 1_000_000_000
MAX_LINE_BYTES: Final = 8_192
MAX_SHOWN_CHARS: Final = 1_000
SEARCH_SECONDS: Final = 10.0

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
LEVELS: Final = get_args(Level)


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
    if since and until and _utc(since) >= _utc(until):
        raise ToolError(f"since ({since}) is not before until ({until}). Exchange or widen them.")
    wanted = _Wanted(_matcher(pattern), level, since and _utc(since), until and _utc(until))
    return await asyncio.to_thread(_search, path, wanted, start_line, limit)


class _Wanted:
    """What a line must be like, and what the entry it belongs to said."""

    def __init__(
        self,
        matches: Callable[[str], bool],
        level: str | None,
        since: datetime | None,
        until: datetime | None,
    ) -> None:
        self.matches = matches
        self.least = LEVELS.index(level) if level else None
        self.since = since
        self.until = until
        self.time: datetime | None = None
        self.level: str | None = None

    def has(self, line: str) -> bool:
        moment, level = _read_entry(line)
        if moment or level:  # a new entry begins; otherwise the line belongs to the one before
            self.time, self.level = moment, level
        if self.least is not None and (self.level is None or LEVELS.index(self.level) < self.least):
            return False
        if (self.since or self.until) and self.time is None:
            return False
        if self.since and self.time and self.time < self.since:
            return False
        if self.until and self.time and self.time >= self.until:
            return False
        return self.matches(line)


def _search(path: str, wanted: _Wanted, start_line: int, limit: int) -> LogMatches:
    deadline = time.monotonic() + SEARCH_SECONDS
    matches: list[LogLine] = []
    number, complete = 0, True
    with sandbox.Sandbox(settings().files_root, closed=CLOSED).open(
        path, max_bytes=MAX_LOG_BYTES
    ) as file:
        for number, line in enumerate(_lines(file), 1):
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


def _lines(file: BinaryIO) -> Iterator[str]:
    """Lines without their ends; of a very long one, the beginning. Memory stays bounded."""
    while raw := file.readline(MAX_LINE_BYTES):
        rest = raw
        while not rest.endswith(b"\n") and (rest := file.readline(MAX_LINE_BYTES)):
            pass
        yield raw.decode(errors="replace").rstrip("\r\n")


def _matcher(pattern: str) -> Callable[[str], bool]:
    """Finds text, with wildcards if there are any.

    No regular expressions: one bad one could stop the server for hours. What ``fnmatch`` makes
    of a wildcard pattern never backtracks into an earlier star.
    """
    text = pattern.casefold()
    if not set("*?") & set(text):
        return lambda line: text in line.casefold()
    compiled = re.compile(fnmatch.translate(f"*{text.replace('[', '[[]')}*"))
    return lambda line: compiled.match(line.casefold()) is not None


_TIME = re.compile(r"\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?)")
_LEVEL = re.compile(r"\b(DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)\b")
_ALIASES = {"WARN": "WARNING", "FATAL": "CRITICAL"}


def _read_entry(line: str) -> tuple[datetime | None, str | None]:
    """The time and level that a line tells of itself."""
    if line.startswith("{"):
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            return None, None
        moment = next((fields[key] for key in ("time", "timestamp", "ts") if key in fields), "")
        level = next((fields[key] for key in ("level", "severity") if key in fields), "")
        return _moment(str(moment)), _level(str(level).upper())
    found = _TIME.match(line)
    return (_moment(found[1]) if found else None), (_level(line[:120]) if found else None)


def _moment(text: str) -> datetime | None:
    try:
        return _utc(datetime.fromisoformat(text.replace(",", ".")))
    except ValueError:
        return None


def _level(text: str) -> str | None:
    found = _LEVEL.search(text)
    return _ALIASES.get(found[1], found[1]) if found else None


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
