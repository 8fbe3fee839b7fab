"""The command line: flags to a plan, the run, its report, and an exit code.

Exit codes: 0 passed, 1 failed requests or a check missed, 2 usage, 3 target not reachable.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from loadtest.client import TargetError
from loadtest.document import document
from loadtest.flags import DEFAULT_URL, count, json_object, positive, replicas, token, url
from loadtest.paint import wants_colour
from loadtest.progress import Progress
from loadtest.report import render
from loadtest.run import Outcome, Plan, run

PASSED, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 3

DEFAULT_REQUESTS = 50
DEFAULT_CONCURRENT = 10

_EPILOG = """\
without --rate: a closed loop, --concurrent callers that each wait for their answer
with --rate:    an open loop, calls are made when they are due, whatever became of the others
Ctrl-C (or SIGTERM) ends a run early, with the report so far.

exit codes: 0 passed, 1 failed requests or a check missed, 2 usage, 3 target not reachable
"""

_T = TypeVar("_T")


def main(argv: Sequence[str] | None = None, program: str = "test_swarm_load.py") -> int:
    """Run the load test that `argv` asks for; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    plan, json_path = _parse(words, program)
    progress = Progress(sys.stderr) if sys.stderr.isatty() else None
    try:
        outcome = run_on_fastest_loop(run(plan, progress))
    except TargetError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return UNREACHABLE
    finally:
        if progress is not None:
            progress.clear()
    return _tell(plan, outcome, json_path, [program, *_without_token(words)])


def run_on_fastest_loop(work: Coroutine[Any, Any, _T]) -> _T:
    """asyncio.run, on uvloop where there is one: it halves the cost of a call."""
    try:
        import uvloop  # it is not on every platform
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


def _tell(plan: Plan, outcome: Outcome, json_path: str | None, command: list[str]) -> int:
    run_document = document(plan, outcome, command)
    text_to = sys.stderr if json_path == "-" else sys.stdout
    if json_path is not None:
        text = json.dumps(run_document, indent=2, ensure_ascii=False) + "\n"
        if json_path == "-":
            sys.stdout.write(text)
        else:
            Path(json_path).write_text(text, encoding="utf-8")
    text_to.write(render(run_document, colour=wants_colour(text_to)))
    if outcome.result.failed and not outcome.result.answered:
        print(
            f"{command[0]}: nothing at {plan.shown_url} gave an HTTP answer. "
            "Expected an MCP server there: is it up, and is --url right?",
            file=sys.stderr,
        )
        return UNREACHABLE
    return PASSED if run_document["verdict"]["passed"] else FAILED


def _without_token(words: list[str]) -> list[str]:
    """The command as typed, but for the secret."""
    kept = []
    skip = False
    for word in words:
        if skip:
            kept.append("…")
            skip = False
        else:
            kept.append("--token=…" if word.startswith("--token=") else word)
            skip = word == "--token"
    return kept


def _parse(words: list[str], program: str) -> tuple[Plan, str | None]:
    parser = _parser(program)
    given = parser.parse_args(words)
    if given.rate is not None and given.concurrent is not None:
        parser.error(
            f"--concurrent {given.concurrent} with --rate {given.rate:g}: callers that wait are a "
            "closed loop, a rate is an open one; give one of the two"
        )
    if given.rate is None and given.arrivals != "constant":
        parser.error(f"--arrivals {given.arrivals} needs --rate: a closed loop has no arrivals")
    if given.args is not None and given.tool is None:
        parser.error("--args without --tool: name the tool that takes these arguments")
    if given.json not in (None, "-") and not Path(given.json).absolute().parent.is_dir():
        parser.error(f"--json {given.json}: no such folder; make it first")
    calls = given.requests
    if calls is None and given.duration is None:
        calls = DEFAULT_REQUESTS
    expected, names = given.expect_replicas
    plan = Plan(
        url=given.url,
        era=given.era,
        tool=given.tool,
        arguments=given.args,
        token=given.token,
        calls=calls,
        seconds=given.duration,
        workers=given.concurrent or DEFAULT_CONCURRENT,
        rate=given.rate,
        arrivals=given.arrivals,
        seed=given.seed,
        timeout=given.timeout,
        keep_alive=not given.reconnect,
        replicas=expected,
        replica_names=names,
    )
    return plan, given.json


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Load an MCP server and tell how it held, and how even its replicas worked.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--url", type=url, default=DEFAULT_URL, help=f"MCP endpoint (default {DEFAULT_URL})")
    add("--requests", type=count, metavar="N", help="calls to make (default 50, unless --duration)")
    add("--concurrent", type=count, metavar="N", help="callers at one time (default 10)")
    add("--duration", type=positive, metavar="S", help="run for so many seconds")
    add("--rate", type=positive, metavar="R", help="calls due per second (open loop)")
    add("--arrivals", choices=("constant", "poisson"), default="constant", help="spacing at --rate")
    add("--seed", type=int, default=1, metavar="N", help="seed of the Poisson arrivals (default 1)")
    add("--era", choices=("modern", "legacy"), default="modern",
        help="protocol 2026-07-28 (modern, default) or stateless 2025-11-25 (legacy)")  # fmt: skip
    add("--tool", metavar="NAME", help="call this tool (default: tools/list)")
    add("--args", type=json_object, metavar="JSON", help="the tool's arguments, a JSON object")
    add("--token", type=token, help="bearer token, or @FILE that holds it")
    add("--timeout", type=positive, default=30.0, metavar="S", help="seconds per call (default 30)")
    add("--reconnect", action="store_true", help="a new connection for every call")
    add("--expect-replicas", type=replicas, default=(0, ()), metavar="N",
        help="replicas that must be seen: how many, or their names with commas")  # fmt: skip
    add("--json", metavar="FILE", help="write the whole result as JSON too (- is standard output)")
    return parser
