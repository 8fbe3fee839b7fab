"""The options that say how a run is judged and where its result is written."""

from __future__ import annotations

import argparse
import time

from mcp_swarm_load.cli.option_types import replicas
from mcp_swarm_load.measure.identity import Criteria
from mcp_swarm_load.measure.threshold import EXAMPLES, Threshold, ThresholdError, parse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this module."""
    add = parser.add_argument_group("result").add_argument
    add("--threshold", type=_threshold, nargs="+", action="extend", default=[], metavar="T",
        help=f"thresholds that the run must meet: {EXAMPLES}".replace("%", "%%"))  # fmt: skip
    add("--expect-replicas", type=replicas, default=(0, ()), metavar="N",
        help="replicas that must answer: their number, or their names with commas")  # fmt: skip
    add("--unit", choices=("auto", "request", "connection", "session"), default="auto",
        help="what the balancer balances (default: detected from the answers)")  # fmt: skip
    add("--accept-busy-client", action="store_true",
        help="judge the run even if this tester was the bottleneck")  # fmt: skip
    add("--json", metavar="FILE", help="write the result as JSON (- is standard output)")
    add("--record", metavar="FILE", nargs="?", const="",
        help="write every call as a JSON line (default runs/TIME.jsonl)")  # fmt: skip


def criteria(given: argparse.Namespace) -> Criteria:
    """Returns the criteria in the options."""
    texts = tuple(threshold.text for threshold in given.threshold)
    return Criteria(texts, given.unit, given.accept_busy_client)


def record_path(given: argparse.Namespace) -> str | None:
    """Returns the file of --record; None without it."""
    if given.record == "":
        return time.strftime("runs/%Y-%m-%dT%H-%M-%S.jsonl")
    path: str | None = given.record
    return path


def _threshold(text: str) -> Threshold:
    try:
        return parse(text)
    except ThresholdError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
