"""The report finds the known behaviour of a target."""

import asyncio
import itertools
import random
from collections import Counter
from typing import Any

import pytest

from mcp_swarm_load.measure.affinity import Affinity
from mcp_swarm_load.measure.balance import judge_balance
from mcp_swarm_load.measure.result import Replica, Result
from mcp_swarm_load.report.terminal import render
from mcp_swarm_load.testing.runs import load, names, without_stalls
from mcp_swarm_load.testing.target import Target


async def test_latency_is_measured_as_exactly_as_clock_and_sample_allow():
    """Nine calls in ten take 20 ms and one takes 120 ms, so p50 and p95 differ."""
    slow = {number for number in range(2_000) if number % 10 == 0}
    async with Target(delay=lambda n: 0.12 if n in slow else 0.02).serving() as target:
        run = await load(target, calls=400, workers=10)

    latency = run["latency_ms"]["since_sent"]
    assert latency["p50"] == pytest.approx(20, abs=30)
    assert latency["p95"] == pytest.approx(120, abs=60)
    assert 20 <= latency["min"] < latency["avg"] < latency["max"]
    assert latency["p99"] is None, "400 calls do not carry a p99"


async def test_every_kind_of_wrong_answer_is_counted_separately():
    """Each kind is one call in twenty. The HTTP status alone does not show most of them."""
    kinds = ["rpc error", "tool error", "wrong id", "not json", "503", "cut", "asks", "no content"]
    async with Target(
        replica=lambda n: f"r{n % 2}",
        fault=lambda n: kinds[n % 20] if n % 20 < len(kinds) else "",
    ).serving() as target:
        run = await load(target, calls=400, workers=8, tool="t")

    assert (run["totals"]["right"], run["totals"]["failed"]) == (240, 160)
    assert run["totals"]["success_percent"] == 60.0
    assert [20] * len(kinds) == [group["count"] for group in run["errors"]]
    assert all(0 <= group["first_s"] < group["last_s"] for group in run["errors"])
    by_text = {group["text"]: group["replicas"] for group in run["errors"]}
    assert by_text["tool error: no such region"] == {"r1": 20}
    assert by_text["connection lost before the answer"] == {}
    assert "JSON-RPC error -32603: lost in the dark, request" in "".join(by_text), (
        "texts that differ by a number alone are one group"
    )


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_round_robin_is_even(era):
    async with Target(replica=lambda n: names(3)[n % 3]).serving() as target:
        run = await load(target, calls=300, workers=50, era=era, replicas=3)

    assert run["verdict"]["passed"]
    assert [(name, 100, 33.33) for name in names(3)] == [
        (each["name"], each["calls"], each["share_percent"]) for each in run["replicas"]
    ]
    assert tuple(run["spread"][key] for key in ("verdict", "unit", "n")) == ("even", "request", 300)


async def test_a_replica_ten_per_cent_short_is_found_with_ten_thousand_calls():
    """The power for three replicas is then 97 %, and this seed is a normal case."""
    dice = random.Random(3)
    async with Target(
        replica=lambda n: dice.choices(names(3), [0.9, 1.0, 1.0])[0]
    ).serving() as target:
        run = await load(target, calls=10_000, workers=20)

    spread = run["spread"]
    assert spread["verdict"] == "uneven" or spread["busiest_over_mean"] <= 1.05
    assert spread["p_value"] < 0.01
    assert spread["power_10_percent_short"] > 0.9
    assert spread["least"] == names(3)[0]
    assert abs(spread["shortfall_percent"] - 10) <= spread["shortfall_error_percent"]
    assert f"{names(3)[0]} got {spread['shortfall_percent']:.1f} % ±" in render(run)
    assert min(run["replicas"], key=lambda each: each["calls"])["name"] == names(3)[0]


async def test_a_silent_replica_is_named_and_fails_the_run():
    """It is expected by name, and by number only."""
    async with Target(replica=lambda n: names(2)[n % 2]).serving() as target:
        named = await load(target, calls=100, replicas=3, replica_names=tuple(names(3)))
        counted = await load(target, calls=100, replicas=3)

    assert [names(3)[2]] == named["spread"]["silent"]
    assert counted["spread"]["silent"] == ["(silent 1)"]
    for run in (named, counted):
        assert (run["verdict"]["passed"], run["spread"]["verdict"]) == (False, "uneven")


def pinned():
    """Three replicas of different speed behind a round-robin TCP balancer."""
    turns = itertools.count()
    return Target(
        replica=lambda n: names(3)[next(turns) % 3],
        delay=lambda n: 0.001 * (n % 3),
        by_connection=True,
    )


@pytest.mark.parametrize(("connections", "verdict"), [(10, "too few to tell"), (40, "even")])
async def test_connections_that_stay_on_a_replica_are_the_unit(connections, verdict):
    """Behind a TCP balancer, uneven requests do not show an uneven balancer."""
    async with pinned().serving() as target:
        run = await load(target, calls=3_000, workers=connections)

    spread = run["spread"]
    assert (spread["verdict"], spread["unit"], spread["n"]) == (verdict, "connection", connections)


async def test_unit_sets_the_unit_without_detection():
    """Pinned connections are uneven if judged as requests."""
    async with pinned().serving() as target:
        as_requests = await load(target, unit="request", calls=2_000, workers=10)
        as_connections = await load(target, unit="connection", calls=2_000, workers=10)

    assert (as_requests["spread"]["unit"], as_requests["spread"]["n"]) == ("request", 2_000)
    assert (as_connections["spread"]["unit"], as_connections["spread"]["n"]) == ("connection", 10)


def test_sessions_that_stay_on_a_replica_are_the_unit_if_connections_do_not():
    """Behind a sticky balancer, each connection carries calls of several sessions."""
    result = Result(0)
    for name, sessions in (("a", 31), ("b", 29)):
        result.replicas[name] = Replica(calls=10 * sessions, last=1)
    mixed = Affinity(mixed=12)
    sticky = Affinity(Counter(a=31, b=29), 0, 540)
    judged = judge_balance(result, {"connection": mixed, "session": sticky}, 0, ())
    wandering = judge_balance(result, {"connection": mixed, "session": Affinity(mixed=60)}, 0, ())

    assert (judged.unit, judged.spread.total) == ("session", 60)
    assert (wandering.unit, wandering.spread.total) == ("request", 600)


async def test_replicas_that_start_or_stop_are_expected_to_serve_their_time_s_share():
    """A rolling update: one of three is replaced by another half-way, and all did their part.

    A tester that is held up as that happens cannot tell when it did.
    """

    async def rolled() -> dict[str, Any]:
        async with Target(
            replica=lambda n: ["a", "b", "old" if n < 450 else "new"][n % 3]
        ).serving() as target:
            return await load(target, calls=900, rate=600.0)

    run = await without_stalls(rolled)
    assert {"old", "new"} == set(run["spread"]["came_or_went"])
    assert run["spread"]["verdict"] == "even"
    assert len(run["replicas"]) == 4


async def test_a_pause_of_all_replicas_is_no_absence_of_one():
    """The first answer is immediate, all others follow a pause. All replicas were present."""
    async with Target(
        replica=lambda n: names(3)[n % 3], delay=lambda n: 0.4 if 0 < n < 50 else 0.0
    ).serving() as target:
        run = await load(target, calls=300, workers=49)

    assert (run["spread"]["came_or_went"], run["spread"]["verdict"]) == ([], "even")


async def test_a_slow_replica_is_present_before_its_first_answer():
    """One of five replicas in round robin is slow. Its first answer is late, but it was present."""
    async with Target(
        replica=lambda n: names(5)[n % 5], delay=lambda n: 0.25 if n % 5 == 4 else 0.0
    ).serving() as target:
        run = await load(target, calls=300, workers=50)

    assert (run["spread"]["came_or_went"], run["spread"]["verdict"]) == ([], "even")


async def test_quick_replicas_are_present_during_a_slow_one_s_last_answers():
    """All calls are sent at once. One of two replicas answers its half after the other."""
    async with Target(
        replica=lambda n: names(2)[n % 2], delay=lambda n: 0.01 + 0.3 * (n % 2)
    ).serving() as target:
        run = await load(target, calls=200, workers=200)

    assert (run["spread"]["came_or_went"], run["spread"]["verdict"]) == ([], "even")


async def test_a_replica_with_few_calls_does_not_count_as_absent():
    """It gets one call in sixty, the first of them late. The spread is uneven."""
    async with Target(
        replica=lambda n: "rare" if n % 60 == 59 else names(2)[n % 2]
    ).serving() as target:
        run = await load(target, calls=600, rate=400.0)

    assert (run["spread"]["came_or_went"], run["spread"]["verdict"]) == ([], "uneven")


async def test_a_freeze_shows_in_an_open_loop_but_not_in_a_closed_one():
    """This is coordinated omission: the closed loop waits once and counts one outlier."""
    async with Target(delay=lambda n: 0.005).serving() as target:
        asyncio.get_running_loop().call_later(1.0, target.freeze, 0.8)
        by_clock = await load(target, calls=1_000, rate=400.0)
    async with Target(delay=lambda n: 0.005).serving() as target:
        asyncio.get_running_loop().call_later(1.0, target.freeze, 0.8)
        in_turn = await load(target, calls=None, seconds=2.5, workers=4)

    assert by_clock["latency_ms"]["since_due"]["p90"] > 300
    assert in_turn["latency_ms"]["since_due"]["p90"] < 100
    assert in_turn["latency_ms"]["since_due"]["max"] > 500


async def test_a_balancer_that_closes_connections_between_calls_fails_no_call():
    """Every third answer is the last on its connection, without a header that says so."""
    async with Target(fault=lambda n: "leaves" if n % 3 == 2 else "").serving() as target:
        in_turn = await load(target, calls=600, workers=5)
        by_clock = await load(target, calls=100, rate=400.0)

    for run, calls in ((in_turn, 600), (by_clock, 100)):
        assert (run["totals"]["right"], run["errors"]) == (calls, [])
        assert run["client"]["connections"] > calls / 4
