"""The flags by which a run is judged, kept and told; `cli` adds them to its own."""

from __future__ import annotations

import argparse
import time

from mcp_swarm_load.measure.identity import Criteria
from mcp_swarm_load.measure.threshold import EXAMPLES, Threshold, ThresholdError, parse


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add --threshold, --unit, --accept-busy-client, --json and --record."""
    add = parser.add_argument_group("judging and keeping").add_argument
    add("--threshold", type=_threshold, nargs="+", action="extend", default=[], metavar="T",
        help=f"what the run must keep to: {EXAMPLES}".replace("%", "%%"))  # fmt: skip
    add("--unit", choices=("auto", "request", "connection", "session"), default="auto",
        help="what the balancer balances (default: told from the answers)")  # fmt: skip
    add("--accept-busy-client", action="store_true",
        help="judge the run even where this tester was the bottleneck")  # fmt: skip
    add("--json", metavar="FILE", help="write the whole result as JSON too (- is standard output)")
    add("--record", metavar="FILE", nargs="?", const="",
        help="write every call as a JSON line (default runs/TIME.jsonl)")  # fmt: skip


def criteria(given: argparse.Namespace) -> Criteria:
    """What the flags ask to judge by."""
    texts = tuple(threshold.text for threshold in given.threshold)
    return Criteria(texts, given.unit, given.accept_busy_client)


def record_path(given: argparse.Namespace) -> str | None:
    """Where --record writes to; None without it."""
    if given.record == "":
        return time.strftime("runs/%Y-%m-%dT%H-%M-%S.jsonl")
    path: str | None = given.record
    return path


def _threshold(text: str) -> Threshold:
    try:
        return parse(text)
    except ThresholdError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
