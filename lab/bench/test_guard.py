"""The regression guard: a call's share of plain FastMCP's CPU, measured in the same seconds.

No absolute times: both servers are loaded in turns, and only their ratio counts. The margin is
what a busy machine was seen to add.
"""

from dataclasses import replace

import pytest

from lab.bench.measure import compare
from lab.bench.rows import Row, rows

MARGIN = 1.2
GUARDED = {
    "call, small": 1 / 4,
    "tools/list, 100 tools": 1 / 10,
    "call, small, auth on": 1 / 3,
    "session call, warm": 1 / 2,
}


def limit(row: Row) -> float:
    """The largest share that it may take here."""
    return GUARDED[row.name.rpartition(" (")[0]] * MARGIN


@pytest.mark.thorough
@pytest.mark.timeout(400)
def test_a_request_costs_its_share_of_plain_fastmcps(tmp_path):
    """Small calls with and without auth, in a session, and a long list."""
    above = [row for row in rows() if row.name.rpartition(" (")[0] in GUARDED]
    tried = []
    for number in range(3):  # what is above for a moment's sake is not above each time
        folder = tmp_path / str(number)
        folder.mkdir()
        two = [replace(row, to=("ours", "fastmcp")) for row in above]
        seen = compare(two, rounds=3, seconds=0.3, folder=folder)
        shares = {row.name: seen.ratio(row.name, "ours", "fastmcp") for row in two}
        assert None not in shares.values(), seen.unable
        above = [row for row in two if (shares[row.name] or 0) > limit(row)]
        if not above:
            return
        tried.append({row.name: shares[row.name] for row in above})
    raise AssertionError(tried)


@pytest.mark.thorough
@pytest.mark.timeout(240)
def test_the_guard_sees_a_call_that_goes_the_long_way(tmp_path, monkeypatch):
    """The control: without the fast path the share is far above what is allowed."""
    monkeypatch.setenv("BENCH_WITHOUT_FAST_PATH", "1")
    alike = ("call, small (", "session call, warm (")
    asked = [row for row in rows() if row.name.startswith(alike)]
    two = [replace(row, to=("ours", "fastmcp")) for row in asked]

    seen = compare(two, rounds=2, seconds=0.3, folder=tmp_path)

    for row in two:
        share = seen.ratio(row.name, "ours", "fastmcp")
        assert share is not None, seen.unable
        assert share > limit(row), (row.name, share)
