"""The options that say which calls are made, how fast, and as which callers."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from mcp_swarm_load.cli import access_options
from mcp_swarm_load.cli.load_types import (
    Warmup,
    burst,
    mix,
    pause,
    ramp,
    read_scenario,
    tokens,
    warmup,
)
from mcp_swarm_load.cli.option_types import count, json_object, positive
from mcp_swarm_load.plan import Plan
from mcp_swarm_load.traffic import scenario
from mcp_swarm_load.traffic.calls import Features
from mcp_swarm_load.traffic.mix import Kind

DEFAULT_REQUESTS = 50
DEFAULT_CONCURRENT = 10
SCENARIO_SECONDS = 30.0
"""Duration of a scenario without --duration or --requests."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this module."""
    access_options.add_options(parser)
    _add_schedule(parser)
    _add_calls(parser)


def _add_schedule(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("schedule").add_argument
    add("--requests", type=count, metavar="N",
        help="number of calls (default 50, unless --duration)")  # fmt: skip
    add("--duration", type=positive, metavar="S", help="duration in seconds")
    add("--concurrent", type=count, metavar="N", help="concurrent callers (default 10)")
    add("--think", type=pause, metavar="S",
        help="seconds between a caller's calls; exp:S draws them with mean S")  # fmt: skip
    add("--rate", type=positive, metavar="R", help="calls per second (open loop)")
    add("--arrivals", choices=("constant", "poisson"), default="constant",
        help="arrivals at --rate")  # fmt: skip
    add("--burst", type=burst, metavar="N..M",
        help="at --rate, make calls in bursts of N to M")  # fmt: skip
    add("--ramp", type=ramp, metavar="S[/STEPS]",
        help="grow to the full load over S seconds, linearly or in steps")  # fmt: skip
    add("--warmup", type=warmup, default=Warmup(), metavar="S|N",
        help="warm up with calls that are not counted: seconds (5s) or a number (500)")  # fmt: skip
    add("--timeout", type=positive, default=30.0, metavar="S",
        help="seconds until a call fails (default 30)")  # fmt: skip
    add("--reconnect", action="store_true", help="open a new connection for every call")
    add("--processes", type=count, default=1, metavar="N", help="worker processes (default 1)")
    add("--seed", type=int, default=1, metavar="N", help="seed of all random values (default 1)")


def _add_calls(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("calls").add_argument
    add("--era", choices=("modern", "legacy", "both"),
        help="protocol 2026-07-28 (modern, default), 2025-11-25 (legacy), or both alternately")  # fmt: skip
    add("--tool", metavar="NAME", help="call this tool (default: tools/list)")
    add("--args", type=json_object, metavar="JSON", help="the tool's arguments, a JSON object")
    add("--mix", type=mix, metavar="NAME=W,…",
        help="tools or scenarios by weight; scenarios: " + ", ".join(scenario.shipped()))  # fmt: skip
    add("--scenario", type=read_scenario, metavar="FILE",
        help="read calls, callers and expectations from a YAML file, or a shipped scenario by name")  # fmt: skip
    add("--tokens", type=tokens, metavar="FILE",
        help="file of tokens that callers take in turn; each line is a token and its tenant")  # fmt: skip
    add("--sessions", type=count, metavar="N",
        help="2025-11-25: open a session, make N calls in it, close it")  # fmt: skip
    add("--progress", action="store_true",
        help="request progress notifications, which streamed answers carry")  # fmt: skip
    add("--answer", type=json_object, nargs="?", const={}, metavar="JSON",
        help="answer input rounds (2026-07-28) with these values by name, else by their schema")  # fmt: skip
    add("--tasks", action="store_true", help="accept long tasks as answers and poll them")
    add("--accept", choices=("both", "json"), default="both", help="accepted content types")


def plan(given: argparse.Namespace, parser: argparse.ArgumentParser) -> Plan:
    """Returns the plan of the options and the scenario. Exits if options contradict each other."""
    file = given.scenario or scenario.Scenario(())
    rate = given.rate or (file.rate if given.concurrent is None else None)
    workers = given.concurrent or (file.callers if rate is None else None) or DEFAULT_CONCURRENT
    wrong = access_options.contradiction(given) or _contradiction(given, rate, workers)
    if wrong:
        parser.error(wrong)
    whose = given.tokens or ()
    if file.tokens and not whose and not given.token:
        try:
            whose = tokens(file.tokens)
        except argparse.ArgumentTypeError as error:
            parser.error(f"--scenario: {error}")
    calls, seconds = given.requests, given.duration
    if calls is None and seconds is None:
        calls = None if given.scenario else DEFAULT_REQUESTS
        seconds = SCENARIO_SECONDS if given.scenario else None
    features = Features(given.progress, given.answer, given.tasks, given.accept == "json")
    expected, names = given.expect_replicas
    return Plan(
        url=given.url,
        era=given.era or file.era or "modern",
        tool=given.tool,
        arguments=given.args,
        mix=tuple(_with_features(kind, features) for kind in given.mix or file.kinds),
        features=features,
        token=given.token,
        tokens=whose,
        headers=tuple(given.header),
        ca=given.ca,
        calls=calls,
        seconds=seconds,
        workers=workers,
        rate=rate,
        arrivals=given.arrivals,
        burst=(given.burst or file.burst) if rate is not None else None,
        ramp=given.ramp,
        warmup_calls=given.warmup.calls,
        warmup_seconds=given.warmup.seconds,
        think=(given.think or file.think) if rate is None else None,
        sessions=given.sessions or file.sessions or 0,
        processes=given.processes,
        seed=given.seed,
        timeout=given.timeout,
        keep_alive=not given.reconnect,
        replicas=expected,
        replica_names=names,
    )


def _with_features(kind: Kind, more: Features) -> Kind:
    """Returns the kind with its own features and those that the options request."""
    own = kind.features
    answers = own.answers if more.answers is None else {**more.answers, **(own.answers or {})}
    features = Features(
        own.progress or more.progress, answers, own.tasks or more.tasks, more.json_only
    )
    return replace(kind, features=features)


def _contradiction(given: Any, rate: float | None, workers: int) -> str:
    """Returns which options contradict each other and what to use; empty if none do."""
    era = given.era or (given.scenario.era if given.scenario else None) or "modern"
    calls = [name for name in ("tool", "mix", "scenario") if getattr(given, name) is not None]
    if given.rate is not None and given.concurrent is not None:
        return (
            f"--concurrent {given.concurrent} with --rate {given.rate:g}: --concurrent is a closed "
            "loop, --rate an open one; give one of the two"
        )
    if rate is None and given.arrivals != "constant":
        return f"--arrivals {given.arrivals} needs --rate: a closed loop has no arrivals"
    if rate is None and given.burst is not None:
        return "--burst needs --rate: a closed loop has no arrivals"
    if given.burst is not None and given.arrivals != "constant":
        return (
            "--burst with --arrivals poisson: bursts have their own arrivals; give one of the two"
        )
    if rate is not None and given.think is not None:
        return "--think with --rate: callers of an open loop do not wait; give one of the two"
    if given.args is not None and given.tool is None:
        return "--args without --tool: name the tool that takes these arguments"
    if len(calls) > 1:
        return f"--{calls[0]} with --{calls[1]}: each says what to call; give one of them"
    if given.token is not None and given.tokens is not None:
        return "--token with --tokens: give one of the two"
    if given.sessions is not None and era == "modern":
        return "--sessions needs --era legacy or both: 2026-07-28 has no sessions"
    if (given.answer is not None or given.tasks) and era == "legacy":
        return "--answer and --tasks need --era modern or both: only 2026-07-28 has them"
    if given.processes > 1 and given.warmup.calls and rate is None:
        return (
            f"--warmup {given.warmup.calls} with --processes: all processes start counting at one "
            "time; give seconds, such as --warmup 5s"
        )
    if rate is None and given.processes > workers:
        return f"--processes {given.processes} for --concurrent {workers}: at most one process per caller"
    return ""
