"""Logs searched by text, level and time: bounded in lines, memory and seconds."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

logs = pytest.importorskip("server.examples.tools.logs")

from fastmcp.exceptions import ToolError

pytestmark = pytest.mark.processes

LOG = """\
2026-06-30T08:00:00Z INFO started
2026-06-30T08:00:05.250Z WARNING slow: 900 ms
[2026-06-30 10:00:07+02:00] ERROR order 17 not placed
Traceback (most recent call last):
TimeoutError: no answer
2026-06-30 08:00:09,500 FATAL giving up
{"time": "2026-06-30T08:00:10Z", "level": "warn", "message": "order 18 is late"}
"""


@pytest.fixture
def log(root: Path) -> str:
    (root / "app.log").write_text(LOG)
    return "app.log"


@pytest.mark.parametrize(
    ("asked", "lines"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7]),
        ({"pattern": "ORDER"}, [3, 7]),
        ({"pattern": "order 1? *placed"}, [3]),
        ({"pattern": "[2026"}, [3]),
        ({"pattern": "no.answer"}, []),
        ({"level": "WARNING"}, [2, 3, 4, 5, 6, 7]),
        ({"level": "ERROR"}, [3, 4, 5, 6]),
        ({"level": "CRITICAL"}, [6]),
        ({"level": "ERROR", "pattern": "timeouterror"}, [5]),
        ({"since": datetime(2026, 6, 30, 8, 0, 7, tzinfo=UTC)}, [3, 4, 5, 6, 7]),
        ({"until": datetime(2026, 6, 30, 8, 0, 7)}, [1, 2]),
        ({"start_line": 5, "level": "ERROR"}, [5, 6]),
    ],
)
async def test_lines_are_found_by_text_level_and_time(log, asked, lines):
    """A traceback counts to its entry, levels have aliases, JSON lines are read, zones compare."""
    found = await logs.search_logs(log, **asked)

    assert [match.number for match in found.matches] == lines
    assert found.complete


async def test_a_search_can_go_on_where_it_stopped(log):
    """The answer says that there is more, and from which line."""
    first = await logs.search_logs(log, limit=4)
    rest = await logs.search_logs(log, limit=4, start_line=first.last_line + 1)

    assert (first.complete, rest.complete) == (False, True)
    assert [match.number for match in first.matches + rest.matches] == [1, 2, 3, 4, 5, 6, 7]


async def test_no_pattern_can_stall_a_search(root):
    """A pattern of many stars against lines made for it ends at once: nothing backtracks."""
    (root / "mean.log").write_text(("a" * 8000 + "\n") * 100)

    began = time.monotonic()
    found = await logs.search_logs("mean.log", pattern="*a" * 90 + "*b")

    assert (found.matches, found.scanned_lines) == ([], 100)
    assert time.monotonic() - began < 20


async def test_a_line_without_end_costs_no_memory(root):
    """Of a line of 50 MB its beginning is searched, and the next line is still found."""
    import tracemalloc

    with (root / "wide.log").open("wb") as file:
        for _ in range(50):
            file.write(b"x" * 1_000_000)
        file.write(b"\nneedle\n")

    tracemalloc.start()
    found = await logs.search_logs("wide.log", pattern="needle")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [match.number for match in found.matches] == [2]
    assert peak < 5_000_000


async def test_a_search_with_times_exchanged_is_refused(log):
    """The error names both."""
    with pytest.raises(ToolError, match="is not before until"):
        await logs.search_logs(log, since=datetime(2026, 2, 1), until=datetime(2026, 1, 1))


async def test_reading_leaves_the_loop_free(root, monkeypatch):
    """While a large log is being searched, other work on the loop goes on."""
    monkeypatch.setattr(logs, "SEARCH_SECONDS", 50)
    (root / "big.log").write_text("2026-06-30T08:00:00Z INFO nothing to see\n" * 300_000)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.002)
            ticks += 1

    ticking = asyncio.create_task(tick())
    found = await logs.search_logs("big.log", pattern="needle")
    ticking.cancel()

    assert found.scanned_lines == 300_000
    assert ticks > 5  # a search on the loop itself would leave none
