"""Odd inputs in four modes and both versions of the protocol: no internal error, hang or leak."""

import asyncio
import tempfile
from pathlib import Path

from lab.fuzz.run import FUZZED, MEGABYTES, Report, fuzzed
from lab.prove.proof import Outcome, Proof


def run(short: bool) -> list[Outcome]:
    """So many inputs in each mode, each on a connection of its own."""
    count = 500 if short else 11_000
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        for number, mode in enumerate(FUZZED):
            report = asyncio.run(fuzzed(mode, Path(folder, str(number)), 200 + number, count))
            outcomes.append(_outcome(report))
    return outcomes


def _outcome(report: Report) -> Outcome:
    statuses = ", ".join(
        f"{status or 'none'}: {n:,}" for status, n in sorted(report.statuses.items())
    )
    return Outcome(
        f"{report.mode}: {report.sent:,} odd inputs, and the replica serves on",
        not report.findings
        and not report.endless_keys
        and report.sockets == 0
        and report.grown < MEGABYTES,
        {
            "answers by HTTP status": statuses,
            "internal errors, hangs, tracebacks": str(len(report.findings)),
            "memory, grown after the first fifth": f"{report.grown:+.1f} MB",
            "connections left open": str(report.sockets),
            "keys in Redis that never expire": str(len(report.endless_keys)),
        },
        "\n".join(report.findings[:20]),
    )


PROOF = Proof("Odd inputs", run)
