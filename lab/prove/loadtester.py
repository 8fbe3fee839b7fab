"""The load tester is fast, sees a freeze, and finds truths that are set."""

import asyncio
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import comb
from pathlib import Path
from typing import Any

from lab.prove.known import CALLS, ERROR_EVERY, FREEZE_SECONDS, SERVICE_SECONDS, delays
from lab.prove.proof import Outcome, Proof
from lab.prove.speed import program, speed
from mcp_swarm_load.measure.spread import ALPHA
from mcp_swarm_load.testing.runs import load
from mcp_swarm_load.testing.target import Target

ROOT = Path(__file__).parents[2]
TIMER_MS = 4.0
"""The target's own timers are late by a millisecond or two; the tester adds one turn of its loop."""


def run(short: bool) -> list[Outcome]:
    """Short is one round of each, with figures of speed told, not judged."""
    return [speed(short), _freeze(short), *_truths(short), _alpha(short)]


@contextmanager
def _target(name: str, *more: str) -> Iterator[str]:
    """The URL of a target of set truth."""
    words = (sys.executable, "-m", "lab.prove.known", name, *more)
    process = subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.communicate()


def _freeze(short: bool) -> Outcome:
    """An open loop and, as control, four callers that wait, on the same target."""
    seconds, after = ("10", "3") if short else ("30", "10")
    with _target("freeze", after) as url:
        by_clock = program(url, "--rate", "200", "--duration", seconds)
    with _target("freeze", after) as url:
        in_turn = program(url, "--concurrent", "4", "--duration", seconds)
    due, naive = by_clock["latency_ms"]["since_due"], in_turn["latency_ms"]["since_sent"]
    service = 1000 * SERVICE_SECONDS
    return Outcome(
        f"A target that answers in {service:g} ms and freezes {FREEZE_SECONDS} s in a {seconds} s "
        "run at 200/s: p99 since due is 1 s or more; a closed loop shows nothing of it",
        due["p99"] >= 1000 and naive["p99"] < (200 if short else 4 * service),
        {
            "open loop, p99 since due": f"{due['p99']:,.0f} ms of {due['n']:,} calls",
            "closed loop of 4, p99 since sent": f"{naive['p99']:.1f} ms of {naive['n']:,} calls",
            "closed loop of 4, max": f"{naive['max']:,.0f} ms",
        },
    )


def _truths(short: bool) -> list[Outcome]:
    calls = str(CALLS // 6 if short else CALLS)
    spread = ("--requests", calls, "--concurrent", "32")
    names = ("--expect-replicas", "replica-1,replica-2,replica-3")
    with _target("latency") as url:
        latency = program(url, "--requests", calls, "--rate", "1000" if not short else "500")
    with _target("errors") as url:
        errors = program(url, "--requests", calls)
    runs = {}
    for name in ("even", "short", "silent"):
        with _target(name) as url:
            runs[name] = program(url, *spread, *names)
    with _target("pinned") as url:
        runs["pinned"] = program(url, "--requests", "3000", "--concurrent", "40")
    return [
        _latency(latency, short),
        _errors(errors, int(calls)),
        _even(runs["even"]),
        _tenth_short(runs["short"], short),
        _silent(runs["silent"]),
        _pinned_connections(runs["pinned"]),
    ]


def _latency(run_: dict[str, Any], short: bool) -> Outcome:
    """Every percentile of what was set; found ones are later by timers and the way, never earlier."""
    found = run_["latency_ms"]["since_sent"]
    truth = sorted(1000 * delay for delay in delays()[: found["n"]])
    figures, within = {}, True
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)):
        set_ = truth[-(-int(len(truth) * share * 1000) // 1000) - 1]
        figures[name] = f"{found[name]:.1f} ms found, {set_:.1f} ms set"
        within = within and -0.002 * set_ - 1.2 <= found[name] - set_ <= TIMER_MS + 0.002 * set_
    claim = f"A set distribution of latency is found to {TIMER_MS:g} ms (the target's timers)"
    return Outcome(claim, short or within, figures)


def _errors(run_: dict[str, Any], calls: int) -> Outcome:
    totals = run_["totals"]
    set_ = -(-calls // ERROR_EVERY)
    return Outcome(
        "A set rate of errors, of five kinds, is found exactly",
        totals["failed"] == set_ and len(run_["errors"]) == 5,
        {"found": f"{totals['failed']} of {totals['made']:,}", "set": str(set_)},
    )


def _spread_figures(run_: dict[str, Any]) -> dict[str, str]:
    spread = run_["spread"]
    shares = " / ".join(f"{row['share_percent']:.1f} %" for row in run_["replicas"])
    return {
        "shares": shares,
        "verdict": f"{spread['verdict']}, of {spread['n']:,} {spread['unit']}s",
        "p": f"{spread['p_value']:.4f}",
        "busiest/mean": f"{spread['busiest_over_mean']:.3f}",
    }


def _even(run_: dict[str, Any]) -> Outcome:
    holds = run_["spread"]["verdict"] == "even"
    return Outcome("An even spread, drawn at random, is called even", holds, _spread_figures(run_))


def _tenth_short(run_: dict[str, Any], short: bool) -> Outcome:
    """By name, within the error it states; the power of the short form is 58 %, so it tells only."""
    spread = run_["spread"]
    found, error = spread["shortfall_percent"], spread["shortfall_error_percent"]
    is_found = spread["p_value"] < ALPHA and spread["least"] == "replica-1"
    return Outcome(
        "One of three replicas 10 % short is found, named, and measured within the stated error",
        short or (is_found and abs(found - 10) <= error),
        {"found": f"{spread['least']}: {found:.1f} % ± {error:.1f} %", **_spread_figures(run_)},
    )


def _silent(run_: dict[str, Any]) -> Outcome:
    spread = run_["spread"]
    return Outcome(
        "A silent replica is named, and the spread uneven",
        spread["silent"] == ["replica-3"] and spread["verdict"] == "uneven",
        {"silent": ", ".join(spread["silent"]), **_spread_figures(run_)},
    )


def _pinned_connections(run_: dict[str, Any]) -> Outcome:
    """40 connections over 3 replicas: as even as can be, while their requests are not."""
    spread = run_["spread"]
    return Outcome(
        "Behind a TCP balancer, connections are reported to be the unit, and are even",
        (spread["unit"], spread["verdict"], spread["n"]) == ("connection", "even", 40),
        _spread_figures(run_),
    )


def _alpha(short: bool) -> Outcome:
    """Real runs over real sockets; the bound is what chance exceeds once in a thousand."""
    runs, calls = (30, 240) if short else (200, 600)
    verdicts = asyncio.run(_even_runs(runs, calls))
    bound = next(k for k in range(runs) if _more_than(k, runs, ALPHA) < 0.001)
    return Outcome(
        f"Of {runs} even runs of {calls} calls, no more are called uneven than alpha = {ALPHA:g} allows",
        verdicts.count("uneven") <= bound,
        {
            "called uneven": f"{verdicts.count('uneven')} (at most {bound})",
            "called even": str(verdicts.count("even")),
        },
    )


def _more_than(most: int, runs: int, alpha: float) -> float:
    """P(a binomial count of `runs` trials exceeds `most`)."""
    return 1 - sum(comb(runs, k) * alpha**k * (1 - alpha) ** (runs - k) for k in range(most + 1))


async def _even_runs(runs: int, calls: int) -> list[str]:
    verdicts = []
    for seed in range(runs):
        dice = random.Random(seed)
        async with Target(replica=lambda n, dice=dice: f"r{dice.randrange(3)}").serving() as target:
            run_ = await load(target, calls=calls, workers=20)
        verdicts.append(run_["spread"]["verdict"])
    return verdicts


PROOF = Proof("The load tester", run)
