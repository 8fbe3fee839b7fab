"""A run's identity, known before its first call. It is the first line of a record."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from mcp_swarm_load.plan import Plan

SCHEMA = "mcp-swarm-loadtest/1"

UnitChoice = Literal["auto", "request", "connection", "session"]


@dataclass(frozen=True, slots=True)
class Criteria:
    """The criteria by which a run is judged, besides its plan."""

    thresholds: tuple[str, ...] = ()
    unit: UnitChoice = "auto"
    accept_busy_client: bool = False
    """Judge the run even if this tester was the bottleneck."""


def identity(
    plan: Plan, started_at: float, command: list[str], criteria: Criteria
) -> dict[str, Any]:
    """Returns a run's identity. `started_at` is Unix time, `command` repeats the run."""
    started = datetime.fromtimestamp(started_at, UTC).isoformat(timespec="milliseconds")
    return {
        "schema": SCHEMA,
        "started": started.replace("+00:00", "Z"),
        "target": {"url": plan.shown_url, "protocol": plan.protocol, "call": plan.label},
        "load": _load(plan),
        "planned": plan.planned,
        "expected": {"replicas": plan.replicas, "names": list(plan.replica_names)},
        "thresholds": list(criteria.thresholds),
        "unit": criteria.unit,
        "busy_client_accepted": criteria.accept_busy_client,
        "recorded": plan.record,
        "repeat": shlex.join(command),
    }


def _load(plan: Plan) -> dict[str, Any]:
    is_open = plan.rate is not None
    return {
        "loop": "open" if is_open else "closed",
        "workers": None if is_open else plan.workers,
        "rate": plan.rate,
        "arrivals": plan.arrivals if is_open else None,
        "burst": list(plan.burst) if plan.burst else None,
        "calls": plan.calls,
        "seconds": plan.seconds,
        "ramp_s": plan.ramp.seconds if plan.ramp else None,
        "warmup_calls": plan.warmup_calls,
        "warmup_s": plan.warmup_seconds,
        "think_s": plan.think.seconds if plan.think else None,
        "calls_per_session": plan.sessions,
        "tenants": len(plan.tokens),
        "processes": plan.processes,
        "keep_alive": plan.keep_alive,
        "timeout_s": plan.timeout,
        "seed": plan.seed,
    }
