"""The report has 80 columns and honest percentages, and no control codes in a pipe."""

import re

import pytest

from mcp_swarm_load.measure.figures import truncated_percent
from mcp_swarm_load.report import charts
from mcp_swarm_load.report.markdown import render as markdown
from mcp_swarm_load.report.page import render as page
from mcp_swarm_load.report.paint import bar, milliseconds, sparkline
from mcp_swarm_load.report.terminal import render
from mcp_swarm_load.testing.runs import load
from mcp_swarm_load.testing.target import Target
from mcp_swarm_load.traffic.callers import Token

ANSI = re.compile(r"\x1b\[[0-9;]*m")


KEPT: dict = {}


async def a_rich_run() -> dict:
    """Returns a run with long names, many kinds of failures and silent replicas."""
    if KEPT:
        return KEPT
    async with Target(
        replica=lambda n: f"mcp-swarm_mcp.{n % 12}.ievzl6i4a8wm0123456789abcd",
        delay=lambda n: 0.001 * (n % 40),
        fault=lambda n: ["503", "rpc error", "tool error"][n % 3] if n % 10 == 0 else "",
    ).serving() as target:
        options = {"arrivals": "poisson", "tool": "t" * 90, "replicas": 14}
        run = await load(target, calls=1_700, rate=500.0, **options)
    run["errors"][0]["text"] = "HTTP 502: " + "a long tale " * 30
    run["target"]["url"] = "https://" + "a" * 90 + ".example.com/mcp"
    run["repeat"] = "test_swarm_load.py --url " + run["target"]["url"]
    KEPT.update(run)
    return KEPT


async def test_every_line_fits_80_columns_with_and_without_colour():
    """The only exception is the URL in the repeat line, which must not be broken."""
    run = await a_rich_run()
    plain, painted = render(run), render(run, colour=True)

    assert [
        line for line in plain.splitlines() if len(line) > 80 and "https://" not in line[:35]
    ] == []
    assert run["repeat"].split()[-1] in plain, "an address that can be copied"
    assert "\x1b" not in plain
    assert "\x1b" in painted
    assert plain == ANSI.sub("", painted)
    assert [line for line in plain.splitlines() if line != line.rstrip()] == []


async def test_a_run_with_every_section_fits_80_columns():
    """Markdown and HTML have the same facts."""
    tokens = tuple(Token(f"secret-{n}", f"tenant-{n}") for n in range(3))
    options = {
        "era": "both",
        "sessions": 5,
        "tokens": tokens,
        "tool": "a_tool_with_a_long_name_" * 2,
    }
    async with Target(fault=lambda n: "503" if n == 9 else "").serving() as target:
        run = await load(target, calls=120, **options)
    reported = {"text": render(run), "markdown": markdown(run), "page": page(run)}

    assert [line for line in reported["text"].splitlines() if len(line) > 80] == []
    for form, text in reported.items():
        for part in ("tools", "tenants", "tenant-2", "sessions", "opened", "legacy", "errors"):
            assert part in text.lower(), f"{part} is not in {form}"
        assert "secret" not in text


@pytest.mark.parametrize("make", [render, markdown, page])
async def test_a_run_without_a_right_answer_has_a_report(make):
    async with Target(fault=lambda n: "cut").serving() as target:
        run = await load(target, calls=5)

    assert "connection lost before the answer" in make(run)


def test_lines_and_bars_of_a_chart_lie_within_it_and_no_spike_is_lost():
    """A long run keeps its highest values, and a gap stays a gap."""
    values: list[float | None] = [1.0] * 2_000
    values[777] = 900.0
    drawing = charts.lines(range(2_000), {"max": values, "p95": [None] * 2_000}, "ms", "Latency")
    places = [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+),([\d.]+)", drawing)]

    assert 100 < len(places) <= 300
    assert all(0 <= x <= charts.WIDTH and 0 <= y <= 170 for x, y in places)
    assert [y < 60 for _, y in places].count(True) == 1, "the spike"
    assert ">1000</text>" in drawing
    assert 'line1" d=""' in drawing


async def test_the_verdict_comes_first_and_every_part_is_present():
    text = render(await a_rich_run())
    parts = ["FAIL", "LOAD  ", "LATENCY", "HISTOGRAM", "REPLICAS", "SPREAD", "ERRORS", "TIMELINE",
             "CLIENT", "REPEAT", "test_swarm_load.py --url"]  # fmt: skip
    places = [text.index(part) for part in parts]

    assert places == sorted(places)
    assert "silent: (silent 1), (silent 2)" in text
    assert re.search(r"first \d+\.\d\d s, last \d+\.\d\d s", text)


@pytest.mark.parametrize(
    ("part", "whole", "percent"),
    [(99_996, 100_000, 99.99), (1, 3, 33.33), (2, 3, 66.66), (5, 5, 100.0), (0, 0, 0.0)],
)
def test_success_is_rounded_down(part, whole, percent):
    """One failure in 25,000 must not read as 100 %."""
    assert truncated_percent(part, whole) == percent


async def test_percentiles_of_a_too_small_sample_are_dashes():
    async with Target().serving() as target:
        run = await load(target, calls=50)
    row = next(line for line in render(run).splitlines() if "since due" in line)

    assert row.split()[-5:-1] == ["\N{EN DASH}"] * 4
    assert "lower bound" in render(run)


async def test_a_server_without_replica_names_is_distinguished_from_one_replica():
    async with Target(replica=lambda n: "").serving() as unnamed, Target().serving() as single:
        nameless, one = await load(unnamed), await load(single)

    assert "no X-Served-By" in render(nameless)
    assert "one replica answered all" in render(one)


def test_bars_are_as_long_as_their_share_to_an_eighth():
    assert tuple(bar(part, 8, 4) for part in (8, 4, 1, 0.01, 0)) == ("████", "██", "▌", "▏", "")


def test_a_sparkline_fits_its_width():
    assert sparkline([0.0, 0.5, 1.0], 56) == "▁▅█"
    assert len(sparkline([float(number) for number in range(1_000)], 56)) == 56
    assert sparkline([0.0, 0.0], 9) == "▁▁"


@pytest.mark.parametrize(
    ("value", "text"), [(0.1234, "0.12"), (43.68, "43.7"), (828.4, "828"), (12345.0, "12 345")]
)
def test_milliseconds_have_three_significant_digits(value, text):
    assert milliseconds(value) == text
