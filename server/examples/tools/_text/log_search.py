"""A search through one log, for a process of its own: a pattern may take long with each line."""

import time
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from server.examples.tools._text.files import readable
from server.examples.tools._text.log_lines import Wanted, lines, matcher, utc

MAX_LOG_BYTES: Final = 1_000_000_000
MAX_SHOWN_CHARS: Final = 1_000


class Found(NamedTuple):
    """Matching lines, each with its number, time, level and text; how far the search came."""

    matches: list[tuple[int, datetime | None, str | None, str]]
    last_line: int
    complete: bool


def search(  # noqa: PLR0917 - the tool's own arguments
    root: Path,
    path: str,
    pattern: str,
    level: str | None,
    since: datetime | None,
    until: datetime | None,
    start_line: int,
    limit: int,
    seconds: float,
) -> Found:
    """The lines of the log at `path` below `root` that are wanted, in the order of the file.

    After so many `seconds` it returns what it has.

    Raises:
        sandbox.SandboxError: the file cannot be read.
    """
    deadline = time.monotonic() + seconds
    wanted = Wanted(matcher(pattern), level, since and utc(since), until and utc(until))
    found: list[tuple[int, datetime | None, str | None, str]] = []
    number, complete = 0, True
    with readable(root).open(path, max_bytes=MAX_LOG_BYTES) as file:
        for number, line in enumerate(lines(file), 1):
            # Lines before start_line count too: they may be the entry that a later line belongs to.
            if wanted.has(line) and number >= start_line:
                found.append((number, wanted.time, wanted.level, line[:MAX_SHOWN_CHARS]))
            if len(found) == limit or time.monotonic() > deadline:
                complete = not file.read(1)
                break
    return Found(found, number, complete)
