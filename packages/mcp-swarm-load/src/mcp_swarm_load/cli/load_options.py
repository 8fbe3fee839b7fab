"""The flags that say what is sent: by how many, how fast, in which order, as whom."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mcp_swarm_load.cli.option_types import (
    add_access,
    count,
    json_object,
    misfit,
    positive,
    replicas,
    token,
)
from mcp_swarm_load.plan import Plan
from mcp_swarm_load.schedule import Pause, Ramp
from mcp_swarm_load.traffic import scenario
from mcp_swarm_load.traffic.callers import Token
from mcp_swarm_load.traffic.calls import Features
from mcp_swarm_load.traffic.mix import Kind
from mcp_swarm_load.traffic.values import Constant
from mcp_swarm_load.traffic.yaml_node import ScenarioError

DEFAULT_REQUESTS = 50
DEFAULT_CONCURRENT = 10
SCENARIO_SECONDS = 30.0
"""How long a scenario runs where no flag says."""


@dataclass(frozen=True, slots=True)
class Warmup:
    """What is discarded at the start: calls, or seconds."""

    calls: int = 0
    seconds: float = 0.0


def warmup(text: str) -> Warmup:
    if text.endswith("s"):
        return Warmup(seconds=positive(text[:-1]))
    try:
        return Warmup(calls=count(text))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected seconds, as in 5s, or a number of calls, as in 500"
        ) from None


def ramp(text: str) -> Ramp:
    seconds, slash, steps = text.removesuffix("s").partition("/")
    try:
        return Ramp(positive(seconds), count(steps) if slash else 0)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected seconds, as in 30, or with a number of steps, as in 30/5"
        ) from None


def pause(text: str) -> Pause:
    kind, colon, seconds = text.rpartition(":")
    if colon and kind != "exp":
        raise argparse.ArgumentTypeError(f"{text!r}: expected seconds, as in 2, or exp:2")
    return Pause(positive(seconds), "exponential" if colon else "fixed")


def burst(text: str) -> tuple[int, int]:
    low, dots, high = text.partition("..")
    try:
        ends = count(low), count(high if dots else low)
    except argparse.ArgumentTypeError:
        ends = (1, 0)
    if ends[0] > ends[1]:
        raise argparse.ArgumentTypeError(f"{text!r}: expected calls a burst, as in 30 or 10..50")
    return ends


def tokens(text: str | Path) -> tuple[Token, ...]:
    """Tokens of a file: one a line, the tenant's name after it if there is one, # is a comment."""
    try:
        lines = Path(text).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"cannot read the tokens: {error}") from None
    found = []
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) > 2:
            raise argparse.ArgumentTypeError(
                f"{text}:{number}: expected a token and a tenant's name, found {len(words)} words"
            )
        try:
            found.append(Token(token(words[0].removeprefix("@")), words[-1] if words[1:] else ""))
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentTypeError(f"{text}:{number}: {error}") from None
    if not found:
        raise argparse.ArgumentTypeError(f"{text}: no token in it; expected one a line")
    return tuple(found)


def mix(text: str) -> tuple[Kind, ...]:
    """Kinds of `sales=5,files=3`: each name a shipped scenario, a scenario file, or a tool."""
    kinds: list[Kind] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, share = part.partition("=")
        weight = positive(share) if share else 1.0
        if name in scenario.shipped() or name.endswith((".yaml", ".yml")):
            try:
                inner = scenario.read(name).kinds
            except ScenarioError as error:
                raise argparse.ArgumentTypeError(str(error)) from None
            whole = sum(kind.weight for kind in inner)
            kinds += [replace(kind, weight=kind.weight * weight / whole) for kind in inner]
        elif "/" in name:
            kinds.append(Kind(name, Constant({}), weight=weight))
        else:
            kinds.append(Kind.of_tool(name, None, weight=weight))
    if not kinds:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected names and weights, as in sales=5,add=1"
        )
    return tuple(kinds)


def read_scenario(name: str) -> scenario.Scenario:
    try:
        return scenario.read(name)
    except ScenarioError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this module."""
    add = parser.add_argument
    add_access(parser)
    add("--requests", type=count, metavar="N", help="calls to make (default 50, unless --duration)")
    add("--concurrent", type=count, metavar="N", help="callers at one time (default 10)")
    add("--duration", type=positive, metavar="S", help="run for so many seconds")
    add("--rate", type=positive, metavar="R", help="calls due per second (open loop)")
    add("--arrivals", choices=("constant", "poisson"), default="constant", help="spacing at --rate")
    add("--burst", type=burst, metavar="N..M",
        help="at --rate, calls come so many at a time")  # fmt: skip
    add("--ramp", type=ramp, metavar="S[/STEPS]",
        help="grow to the whole load over so many seconds, evenly or in steps")  # fmt: skip
    add("--warmup", type=warmup, default=Warmup(), metavar="S|N",
        help="make calls first that are not counted: for seconds (5s) or a number (500)")  # fmt: skip
    add("--think", type=pause, metavar="S",
        help="seconds between a caller's calls; exp:S draws them around S")  # fmt: skip
    add("--processes", type=count, default=1, metavar="N", help="worker processes (default 1)")
    add("--seed", type=int, default=1, metavar="N", help="seed of all that is drawn (default 1)")
    add("--era", choices=("modern", "legacy", "both"),
        help="protocol 2026-07-28 (modern, default), 2025-11-25 (legacy), or in turns")  # fmt: skip
    add("--tool", metavar="NAME", help="call this tool (default: tools/list)")
    add("--args", type=json_object, metavar="JSON", help="the tool's arguments, a JSON object")
    add("--mix", type=mix, metavar="NAME=W,…",
        help="several tools or scenarios by weight; scenarios: " + ", ".join(scenario.shipped()))  # fmt: skip
    add("--scenario", type=read_scenario, metavar="FILE",
        help="calls, callers and expectations from a YAML file, or a shipped one by name")  # fmt: skip
    add("--tokens", type=tokens, metavar="FILE",
        help="tokens that callers take in turn, one a line, each with its tenant's name")  # fmt: skip
    add("--sessions", type=count, metavar="N",
        help="2025-11-25: open a session, make N calls in it, close it")  # fmt: skip
    add("--progress", action="store_true", help="ask for progress, as streamed answers bring it")
    add("--answer", type=json_object, nargs="?", const={}, metavar="JSON",
        help="answer input rounds (2026-07-28): with these values by name, else by their schema")  # fmt: skip
    add("--tasks", action="store_true", help="take long tasks for an answer and poll them")
    add("--accept", choices=("both", "json"), default="both", help="answers that are accepted")
    add("--timeout", type=positive, default=30.0, metavar="S", help="seconds per call (default 30)")
    add("--reconnect", action="store_true", help="a new connection for every call")
    add("--expect-replicas", type=replicas, default=(0, ()), metavar="N",
        help="replicas that must be seen: how many, or their names with commas")  # fmt: skip


def plan(given: argparse.Namespace, parser: argparse.ArgumentParser) -> Plan:
    """The plan that the flags and a scenario come to; ends the program where they contradict."""
    file = given.scenario or scenario.Scenario(())
    rate = given.rate or (file.rate if given.concurrent is None else None)
    workers = given.concurrent or (file.callers if rate is None else None) or DEFAULT_CONCURRENT
    wrong = misfit(given) or _contradiction(given, rate, workers)
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
    """The kind, with what the flags want of every call added to its own wishes."""
    own = kind.features
    answers = own.answers if more.answers is None else {**more.answers, **(own.answers or {})}
    features = Features(
        own.progress or more.progress, answers, own.tasks or more.tasks, more.json_only
    )
    return replace(kind, features=features)


def _contradiction(given: Any, rate: float | None, workers: int) -> str:
    """What in the flags does not go together, and what would; an empty string if all does."""
    era = given.era or (given.scenario.era if given.scenario else None) or "modern"
    calls = [name for name in ("tool", "mix", "scenario") if getattr(given, name) is not None]
    if given.rate is not None and given.concurrent is not None:
        return (
            f"--concurrent {given.concurrent} with --rate {given.rate:g}: callers that wait are a "
            "closed loop, a rate is an open one; give one of the two"
        )
    if rate is None and given.arrivals != "constant":
        return f"--arrivals {given.arrivals} needs --rate: a closed loop has no arrivals"
    if rate is None and given.burst is not None:
        return "--burst needs --rate: a closed loop has no arrivals"
    if given.burst is not None and given.arrivals != "constant":
        return "--burst with --arrivals poisson: bursts have a spacing of their own; give one"
    if rate is not None and given.think is not None:
        return "--think with --rate: an open loop's callers do not wait; give one of the two"
    if given.args is not None and given.tool is None:
        return "--args without --tool: name the tool that takes these arguments"
    if len(calls) > 1:
        return f"--{calls[0]} with --{calls[1]}: each says what is called; give one of them"
    if given.token is not None and given.tokens is not None:
        return "--token with --tokens: give one of the two"
    if given.sessions is not None and era == "modern":
        return "--sessions needs --era legacy or both: 2026-07-28 has no sessions"
    if (given.answer is not None or given.tasks) and era == "legacy":
        return "--answer and --tasks need --era modern or both: they are parts of 2026-07-28"
    if given.processes > 1 and given.warmup.calls and rate is None:
        return (
            f"--warmup {given.warmup.calls} with --processes: processes begin to count at one time;"
            " give seconds, as in --warmup 5s"
        )
    if rate is None and given.processes > workers:
        return f"--processes {given.processes} for --concurrent {workers}: more than callers"
    return ""
