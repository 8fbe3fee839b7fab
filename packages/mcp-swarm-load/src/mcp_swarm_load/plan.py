"""The plan of a run: what the options, the mix and the scenario file ask for together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import SplitResult

from mcp_swarm_load.schedule import Arrivals, Pause, Ramp, due_times
from mcp_swarm_load.traffic.callers import Token
from mcp_swarm_load.traffic.calls import PLAIN, VERSIONS, Era, Features
from mcp_swarm_load.traffic.mix import Kind
from mcp_swarm_load.traffic.values import Constant

EraChoice = Literal["modern", "legacy", "both"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run. With `rate` (calls/s) it is an open loop, else a closed loop of `workers`."""

    url: SplitResult
    era: EraChoice = "modern"
    tool: str | None = None
    arguments: dict[str, Any] | None = None
    token: str | None = None
    calls: int | None = 50
    seconds: float | None = None
    workers: int = 10
    rate: float | None = None
    arrivals: Arrivals = "constant"
    burst: tuple[int, int] | None = None
    """Open loop: smallest and largest number of calls in a burst."""
    ramp: Ramp | None = None
    warmup_calls: int = 0
    warmup_seconds: float = 0.0
    seed: int = 1
    timeout: float = 30.0
    max_in_flight: int = 2000
    """Open loop: maximum calls that wait for an answer. Calls beyond it are dropped and counted."""
    keep_alive: bool = True
    mix: tuple[Kind, ...] = ()
    """Several kinds of calls. It replaces `tool`."""
    features: Features = PLAIN
    """Optional features that the calls of `tool` use."""
    tokens: tuple[Token, ...] = ()
    """Callers take these tokens in turn. It replaces `token`."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Sent with every request, in addition to the protocol's headers."""
    ca: str | None = None
    """File of trusted certificates; None means those of the system."""
    think: Pause | None = None
    """Closed loop: pause between a caller's calls."""
    sessions: int = 0
    """Calls in each session of 2025-11-25; 0 means no sessions."""
    processes: int = 1
    replicas: int = 0
    """Replicas that must answer; 0 means any number."""
    replica_names: tuple[str, ...] = ()
    record: str | None = None
    """File to which every call is written."""

    @property
    def eras(self) -> tuple[Era, ...]:
        """The protocol versions, `modern` and `legacy`, that calls alternate between."""
        return ("modern", "legacy") if self.era == "both" else (self.era,)

    @property
    def protocol(self) -> str:
        """The protocol version, or both versions."""
        return " and ".join(VERSIONS[era] for era in self.eras)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of calls to make: the mix, else `tools/call` of the tool, else `tools/list`."""
        if self.mix:
            return self.mix
        if self.tool is None:
            return (Kind("tools/list", Constant({}), features=self.features),)
        arguments = Constant(self.arguments or {})
        return (Kind.of_tool(self.tool, arguments, features=self.features),)

    @property
    def label(self) -> str:
        """A short name of what is called."""
        names = list(dict.fromkeys(kind.label for kind in self.kinds))
        return names[0] if len(names) == 1 else f"mix of {len(names)}: {', '.join(names)}"

    @property
    def planned(self) -> int | None:
        """Number of calls to make and count; None if the plan does not limit it."""
        by_time = None
        if self.rate is not None and self.seconds is not None:
            by_time = self._due_in(self.rate, self.seconds)
        bounds = [bound for bound in (self.calls, by_time) if bound is not None]
        return min(bounds) if bounds else None

    def _due_in(self, rate: float, seconds: float) -> int:
        """Number of calls due after the warm-up: exact for bursts, the mean for Poisson arrivals."""
        if self.burst is not None:
            begin = self.warmup_seconds * 1e9
            return sum(at >= begin for at in self.due_times()) - self.warmup_calls
        if self.ramp is not None:
            begin = self._warm_seconds(rate)
            return int(rate * (self.ramp.done_by(begin + seconds) - self.ramp.done_by(begin)))
        return int(rate * seconds)

    def _warm_seconds(self, rate: float) -> float:
        """Duration of an open loop's warm-up in seconds."""
        share = self.warmup_calls / rate
        return self.warmup_seconds or (self.ramp.time_of(share) if self.ramp else share)

    def due_times(self) -> Iterator[int]:
        """Open loop: yields when each call is due, in nanoseconds after the start, with the warm-up."""
        assert self.rate is not None
        end = None if self.seconds is None else self._warm_seconds(self.rate) + self.seconds
        due = due_times(
            self.rate, self.arrivals, self.seed, None, end, ramp=self.ramp, burst=self.burst
        )
        if self.calls is None:
            yield from due
            return
        left = self.calls + self.warmup_calls
        for at in due:
            if at >= self.warmup_seconds * 1e9:
                if not left:
                    return
                left -= 1
            yield at

    @property
    def shown_url(self) -> str:
        """The URL without credentials."""
        return self.url._replace(netloc=self.url.netloc.rpartition("@")[2]).geturl()


@dataclass(frozen=True, slots=True)
class Share:
    """One process's share of a run: process `number`, from 0, of `of` processes."""

    number: int = 0
    of: int = 1

    def part(self, whole: int) -> int:
        """Returns this process's part of `whole`. All parts add up to `whole`."""
        return (whole + self.of - 1 - self.number) // self.of
