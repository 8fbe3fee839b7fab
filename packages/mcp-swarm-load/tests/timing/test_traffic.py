"""Warm-up, ramps, bursts, think time, eras, tenants and mixes."""

import json
import random
from collections import Counter
from itertools import pairwise
from statistics import mean
from typing import Any

import pytest

from mcp_swarm_load.schedule import Pause, Ramp, due_times
from mcp_swarm_load.testing.behaviours import header
from mcp_swarm_load.testing.runs import load, without_stalls
from mcp_swarm_load.testing.target import Target
from mcp_swarm_load.traffic.callers import Token
from mcp_swarm_load.traffic.mix import Kind
from mcp_swarm_load.traffic.values import Constant, Fields, Integer


def messages(target: Target) -> list[dict]:
    return [json.loads(request.partition(b"\r\n\r\n")[2]) for request in target.requests]


def of_tool(name: str, weight: float, **options) -> Kind:
    return Kind.of_tool(name, Constant({}), weight=weight, **options)


async def test_warm_up_calls_are_made_and_counted_nowhere_else():
    """No figure includes the slow first calls of a cold target."""
    async with Target(
        delay=lambda n: 0.2 if n < 20 else 0.0, fault=lambda n: "503" if n < 20 else ""
    ).serving() as target:
        run = await load(target, calls=100, workers=5, warmup_calls=20)

    assert len(target.requests) == 120
    assert (run["totals"]["made"], run["totals"]["right"], run["totals"]["failed"]) == (100, 100, 0)
    assert run["totals"]["warmup"] == 20
    assert run["latency_ms"]["since_due"]["p90"] < 190
    assert run["replicas"][0]["calls"] == 100


async def test_a_warm_up_of_seconds_comes_before_the_seconds_that_count():
    """Late calls may overtake each other. The first to arrive are then not the warm-up."""
    target = Target(fault=lambda n: "503" if n < 50 else "")

    async def warmed_up() -> dict[str, Any]:
        nonlocal target
        async with Target(fault=target.fault).serving() as target:
            return await load(target, calls=None, seconds=0.5, rate=200.0, warmup_seconds=0.5)

    run = await without_stalls(warmed_up)
    assert 195 <= len(target.requests) <= 200
    assert (run["totals"]["made"], run["totals"]["planned"]) == (100, 100)
    assert run["totals"]["failed"] == 0
    assert 0.4 < run["seconds"] < 5


LOOPS = pytest.mark.parametrize("loop", [{"workers": 4, "think": Pause(0.01)}, {"rate": 300.0}])


@LOOPS
async def test_calls_are_counted_from_the_end_of_a_warm_up_of_seconds(loop):
    async with Target().serving() as target:
        run = await load(target, calls=60, warmup_seconds=0.3, **loop)

    assert run["totals"]["made"] == run["totals"]["planned"] == 60
    assert run["totals"]["warmup"] == len(target.requests) - 60 > 8


@LOOPS
async def test_seconds_are_counted_from_the_end_of_a_warm_up_of_calls(loop):
    async with Target().serving() as target:
        run = await load(target, calls=None, seconds=0.4, warmup_calls=90, **loop)

    assert run["totals"]["warmup"] == 90
    assert 0.3 < run["seconds"] < 5
    assert 30 <= run["totals"]["made"] == len(target.requests) - 90


@pytest.mark.parametrize("steps", [0, 4])
@pytest.mark.parametrize("amount", [0.0, 0.3, 1.0, 2.4, 4.9, 5.0, 9.0])
def test_done_by_is_the_inverse_of_time_of(steps, amount):
    ramp = Ramp(8.0, steps)
    assert ramp.done_by(ramp.time_of(amount)) == pytest.approx(amount)


def test_a_ramp_reaches_the_rate_evenly():
    """100/s over 10 s: 5 calls in the first second, 95 in the tenth, and 100 after it."""
    due = list(due_times(100, "constant", 1, None, 12, ramp=Ramp(10.0)))
    seconds = Counter(at // 1_000_000_000 for at in due)

    assert [seconds[number] for number in (0, 9, 10, 11)] == pytest.approx([5, 95, 100, 100], abs=1)
    assert due == sorted(due)


def test_a_ramp_in_steps_keeps_each_rate_for_its_time():
    due = due_times(100, "constant", 1, None, 6, ramp=Ramp(4.0, 4))
    seconds = Counter(at // 1_000_000_000 for at in due)

    assert [seconds[number] for number in range(6)] == pytest.approx(
        [25, 50, 75, 100, 100, 100], abs=1
    )


async def test_callers_of_a_closed_loop_start_one_after_the_other():
    async with Target(delay=lambda n: 0.05).serving() as target:
        run = await load(target, calls=None, seconds=1.0, workers=10, ramp=Ramp(1.0))

    full = 1.0 / 0.051 * 10
    # Half of the calls on an idle machine. Without a ramp it would be nearly all.
    assert 0.1 * full < run["totals"]["made"] < 0.7 * full


def test_calls_of_a_burst_are_due_at_once_and_keep_the_rate():
    due = list(due_times(100, "constant", 1, None, 60, burst=(10, 50)))
    sizes = Counter(due)

    assert set(sizes.values()) <= set(range(10, 51))
    assert len(set(sizes.values())) > 10
    assert len(due) == pytest.approx(6_000, abs=50)
    assert due == list(due_times(100, "constant", 1, None, 60, burst=(10, 50)))


async def test_the_planned_calls_of_a_bursty_plan_are_those_due():
    async with Target().serving() as target:
        run = await load(target, calls=None, seconds=1.0, rate=100.0, burst=(10, 50))

    assert run["totals"]["planned"] == run["totals"]["made"] == len(target.requests)


async def test_the_planned_calls_of_a_ramped_plan_are_those_due():
    async with Target().serving() as target:
        run = await load(
            target, calls=None, seconds=0.5, rate=400.0, ramp=Ramp(0.6), warmup_seconds=0.2
        )

    assert run["totals"]["planned"] == pytest.approx(run["totals"]["made"], abs=1)
    assert run["totals"]["made"] == pytest.approx(400 * (0.3 + 0.1 - 0.2 * 0.2 / 1.2), abs=3)


async def test_callers_pause_for_the_think_time():
    async with Target().serving() as target:
        run = await load(target, calls=None, seconds=1.0, workers=4, think=Pause(0.2))

    assert 4 * 2 <= run["totals"]["made"] <= 4 * 5
    assert run["latency_ms"]["since_due"]["avg"] < 190, "thinking is not waiting"


def test_think_time_can_be_drawn():
    pause, dice = Pause(2.0, "exponential"), random.Random(1)
    drawn = [pause.draw(dice) for _ in range(20_000)]

    assert mean(drawn) == pytest.approx(2.0, rel=0.03)
    assert sum(each > 2.0 for each in drawn) / len(drawn) == pytest.approx(0.368, abs=0.02)


async def test_calls_alternate_between_both_eras_and_are_counted_apart():
    async with Target(fault=lambda n: "tool error" if n in (1, 3) else "").serving() as target:
        run = await load(target, calls=100, workers=1, era="both", tool="t")

    eras = [
        header(request.partition(b"\r\n\r\n")[0], "MCP-Protocol-Version")
        for request in target.requests
    ]
    assert Counter(eras) == {"2026-07-28": 50, "2025-11-25": 50}
    assert all(one != other for one, other in pairwise(eras))
    calls = {each["era"]: (each["calls"], each["failed"]) for each in run["kinds"]}
    assert calls == {"modern": (50, 0), "legacy": (50, 2)}
    assert run["target"]["protocol"] == "2026-07-28 and 2025-11-25"


async def test_a_mix_follows_its_weights_and_is_reported_by_tool():
    async with Target().serving() as target:
        kinds = (of_tool("often", 9), of_tool("seldom", 1), Kind("tools/list", Constant({}), 2))
        run = await load(target, calls=1_200, workers=4, mix=kinds)
    made = Counter(message["params"].get("name", "list") for message in messages(target))

    assert made["often"] == pytest.approx(900, abs=60)
    assert made["seldom"] == pytest.approx(100, abs=40)
    reported = {each["label"]: each["calls"] for each in run["kinds"]}
    assert reported == {
        "tools/call often": made["often"],
        "tools/call seldom": made["seldom"],
        "tools/list": made["list"],
    }
    assert sum(reported.values()) == run["totals"]["made"] == 1_200


async def test_a_kind_of_one_era_is_called_in_that_era_only():
    async with Target().serving() as target:
        kinds = (of_tool("new", 1, era="modern"), of_tool("any", 1))
        await load(target, calls=200, workers=2, mix=kinds, era="both")
    legacy = [each for each in messages(target) if "_meta" not in each["params"]]

    assert {each["params"]["name"] for each in legacy} == {"any"}


async def test_arguments_are_drawn_for_each_call_and_repeat_with_the_same_seed():
    arguments = Fields((("n", Integer(1, 1_000_000)),))
    kinds = (Kind.of_tool("t", arguments),)
    drawn = []
    for seed in (1, 1, 2):
        async with Target().serving() as target:
            await load(target, calls=20, workers=1, mix=kinds, seed=seed)
        drawn.append([message["params"]["arguments"]["n"] for message in messages(target)])

    assert len(set(drawn[0])) == 20
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("load_of", [{"workers": 10}, {"rate": 500.0}], ids=["closed", "open"])
async def test_callers_take_the_tokens_in_turn_and_tenants_are_reported_by_name(load_of):
    tokens = tuple(
        Token(f"secret-{name}", name) for name in ("ants", "bees", "cats", "dogs", "eels")
    )
    async with Target(fault=lambda n: "503" if n == 7 else "").serving() as target:
        run = await load(target, calls=100, tokens=tokens, **load_of)
    made = Counter(header(request, "Authorization") for request in target.requests)

    assert set(made) == {f"Bearer {each.token}" for each in tokens}
    reported = {each["name"]: each["calls"] for each in run["tenants"]}
    assert reported == {name.removeprefix("Bearer secret-"): calls for name, calls in made.items()}
    assert sum(each["failed"] for each in run["tenants"]) == 1
    assert "secret" not in json.dumps(run)
    if "rate" in load_of:
        assert set(made.values()) == {20}
