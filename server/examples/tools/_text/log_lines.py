"""Lines of logs: what time and level they tell, and whether they are wanted."""

import fnmatch
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import IO, Final, Literal, get_args

MAX_LINE_BYTES: Final = 8_192

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
LEVELS: Final = get_args(Level)


class Wanted:
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


def lines(file: IO[bytes]) -> Iterator[str]:
    """Lines without their ends; of a very long one, the beginning. Memory stays bounded."""
    while raw := file.readline(MAX_LINE_BYTES):
        rest = raw
        while not rest.endswith(b"\n") and (rest := file.readline(MAX_LINE_BYTES)):
            pass
        yield raw.decode(errors="replace").rstrip("\r\n")


def matcher(pattern: str) -> Callable[[str], bool]:
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
        return utc(datetime.fromisoformat(text.replace(",", ".")))
    except ValueError:
        return None


def _level(text: str) -> str | None:
    found = _LEVEL.search(text)
    return _ALIASES.get(found[1], found[1]) if found else None


def utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
