"""Thresholds are parsed or rejected, and checked against a known run."""

from typing import Any

import pytest

from mcp_swarm_load.measure.threshold import ThresholdError, check, parse
from mcp_swarm_load.testing.runs import BUSY, finished, load, names
from mcp_swarm_load.testing.target import Target


def latency(**known: float | None) -> dict[str, Any]:
    nothing = dict.fromkeys(("min", "avg", "p50", "p90", "p95", "p99", "p99.9", "max"), 1.0)
    return {"n": 900, **nothing, **known}


def a_run() -> dict[str, Any]:
    """Returns a run: 900 right, 1 failed, 10 dropped, three replicas, p95 40 ms, no p99."""
    due = latency(p95=40.0, p99=None, max=1400.0)
    return {
        "totals": {"right": 900, "failed": 1, "made": 901, "dropped": 10,
                   "right_per_second": 99.99},
        "latency_ms": {"since_due": due, "since_sent": latency(p95=30.0),
                       "to_first_byte": latency(p95=20.0)},
        "replicas": [{"name": name} for name in ("a", "b", "c", "(no X-Served-By)")],
        "spread": {"verdict": "too few to tell"},
        "kinds": [
            {"label": "tools/call add", "calls": 300, "failed": 1, "latency_ms": latency(p95=90.0)},
            {"label": "tools/call add", "calls": 10, "failed": 0, "latency_ms": latency(p95=70.0)},
            {"label": "tools/list", "calls": 601, "failed": 0, "latency_ms": latency(p95=9.0)},
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "passed", "seen"),
    [
        ("p95<100ms", True, "40 ms"),
        ("p95 < 40ms", False, "40 ms"),
        ("p95<=40", True, "40 ms"),
        ("p95≤0.04s", True, "40 ms"),
        ("p95<40000us", False, "40 ms"),
        ("sent.p95<=30ms", True, "30 ms"),
        ("first.p95<=20ms", True, "20 ms"),
        ("due.max>1.3s", True, "1400 ms"),
        ("p99<10s", False, "\N{EN DASH} (900 of 1000 calls)"),
        ("errors<0.2%", True, "0.12 %"),
        ("errors<0.11%", False, "0.12 %"),
        ("errors=1", True, "1"),
        ("errors==0", False, "1"),
        ("success>=99.8%", True, "99.88 %"),
        ("success>99.9%", False, "99.88 %"),
        ("dropped<2%", True, "1.10 %"),
        ("dropped=0", False, "10"),
        ("sent>=98.9%", True, "98.90 %"),
        ("rate>99.9/s", True, "99.99/s"),
        ("rate>=100", False, "99.99/s"),
        ("replicas=3", True, "3"),
        ("replicas>3", False, "3"),
        ("even", False, "too few to tell"),
        ("p95@add<80ms", False, "90 ms"),
        ("p95@tools/list<10ms", True, "9 ms"),
        ("errors@tools/call add<1%", True, "0.33 %"),
        ("success@list=100%", False, "no such call"),
    ],
)
def test_a_threshold_is_compared_with_the_run(text, passed, seen):
    """A value that the run does not have is missed. The line always shows what was seen."""
    line = check(parse(text), a_run())

    assert (line["passed"], line["seen"]) == (passed, seen)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("p95", "is not a threshold: expected one such as 'p95<100ms'"),
        ("p96<1ms", "unknown metric 'p96': expected one of min, avg, p50"),
        ("p95<1kg", "p95 is a time: expected ms, s or us, not 'kg'"),
        ("p95=1ms", "a time is never exactly equal"),
        ("errors<1ms", "errors takes no unit or %, not 'ms'"),
        ("rate>10%", "rate takes no unit or /s"),
        ("success>99", "success takes %, not 'no unit'"),
        ("replicas@add=3", "@add is allowed with a time, errors or success only"),
        ("p95<-5ms", "is not a threshold"),
        ("sent.p95@add<1s", "@add has latency since due only: expected one such as p95@add"),
        ("evenly", "is not a threshold"),
        ("", "is not a threshold"),
    ],
)
def test_a_wrong_threshold_is_rejected_with_what_is_expected(text, said):
    with pytest.raises(ThresholdError) as refused:
        parse(text)

    assert said in str(refused.value)


@pytest.mark.processes
async def test_a_wrong_threshold_is_a_usage_error_before_any_call():
    async with Target().serving() as target:
        code, out, err = await finished("--url", target.url, "--threshold", "p95<1kg")

    assert (code, out, target.requests) == (2, "", [])
    assert "argument --threshold: 'p95<1kg': p95 is a time" in err


@pytest.mark.processes
async def test_thresholds_come_first_and_a_missed_one_gives_exit_code_1():
    async with Target(replica=lambda n: names(3)[n % 3]).serving() as target:
        words = (BUSY, "--url", target.url, "--requests", "300", "--threshold", "p95<10s", "even")
        kept = await finished(*words, "replicas=3")
        missed = await finished(*words, "--threshold", "replicas=4")

    assert (kept[0], missed[0]) == (0, 1)
    lines = missed[1].splitlines()
    assert lines[4].split() == ["FAIL", "3", "of", "4", "checks", "passed"]
    assert [line.split()[0] for line in lines[5:9]] == ["✓", "✓", "✓", "✗"]
    assert lines[8].split() == ["✗", "replicas", "=", "4", "3"]


async def test_a_threshold_on_errors_replaces_the_default_check():
    async with Target(fault=lambda n: "503" if n == 7 else "").serving() as target:
        strict = await load(target, calls=100)
        lenient = await load(target, ["errors<5%"], calls=100)

    assert (strict["verdict"]["passed"], lenient["verdict"]["passed"]) == (False, True)
    assert [check["name"] for check in lenient["verdict"]["checks"]] == ["errors"]
