"""Types of the options that shape the load. Each function parses one value or says what is wrong."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from mcp_swarm_load.cli.option_types import count, positive, token
from mcp_swarm_load.schedule import Pause, Ramp
from mcp_swarm_load.traffic import scenario
from mcp_swarm_load.traffic.callers import Token
from mcp_swarm_load.traffic.mix import Kind
from mcp_swarm_load.traffic.values import Constant
from mcp_swarm_load.traffic.yaml_node import ScenarioError


@dataclass(frozen=True, slots=True)
class Warmup:
    """The warm-up in calls or in seconds. Its calls are not counted."""

    calls: int = 0
    seconds: float = 0.0


def warmup(text: str) -> Warmup:
    if text.endswith("s"):
        return Warmup(seconds=positive(text[:-1]))
    try:
        return Warmup(calls=count(text))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected seconds such as 5s, or a number of calls such as 500"
        ) from None


def ramp(text: str) -> Ramp:
    seconds, slash, steps = text.removesuffix("s").partition("/")
    try:
        return Ramp(positive(seconds), count(steps) if slash else 0)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected seconds such as 30, or seconds and steps such as 30/5"
        ) from None


def pause(text: str) -> Pause:
    kind, colon, seconds = text.rpartition(":")
    if colon and kind != "exp":
        raise argparse.ArgumentTypeError(f"{text!r}: expected seconds such as 2, or exp:2")
    return Pause(positive(seconds), "exponential" if colon else "fixed")


def burst(text: str) -> tuple[int, int]:
    low, dots, high = text.partition("..")
    try:
        ends = count(low), count(high if dots else low)
    except argparse.ArgumentTypeError:
        ends = (1, 0)
    if ends[0] > ends[1]:
        raise argparse.ArgumentTypeError(f"{text!r}: expected calls per burst such as 30 or 10..50")
    return ends


def tokens(text: str | Path) -> tuple[Token, ...]:
    """Reads tokens from a file. Each line is a token and optionally its tenant; # is a comment."""
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
        raise argparse.ArgumentTypeError(f"{text}: no token found; expected one per line")
    return tuple(found)


def mix(text: str) -> tuple[Kind, ...]:
    """Parses a mix such as `sales=5,files=3`. A name is a scenario, a scenario file or a tool."""
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
            f"{text!r}: expected names and weights such as sales=5,add=1"
        )
    return tuple(kinds)


def read_scenario(name: str) -> scenario.Scenario:
    try:
        return scenario.read(name)
    except ScenarioError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
