"""The command line: flags to a plan, the run, its report, and an exit code.

Exit codes: 0 passed; 1 a wrong answer, a missed threshold, or a run that is invalid because this
tester was the bottleneck; 2 usage; 3 target not reachable. `report RUN` renders a run again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from loadtest import judging
from loadtest.client import TargetError
from loadtest.document import assemble, closing
from loadtest.flags import DEFAULT_URL, count, json_object, positive, replicas, token, url
from loadtest.identity import Wanted, identity
from loadtest.paint import wants_colour
from loadtest.plan import Plan
from loadtest.progress import Progress
from loadtest.record import RecordError, begin, end
from loadtest.report import render
from loadtest.run import Outcome, run

PASSED, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 3

DEFAULT_REQUESTS = 50
DEFAULT_CONCURRENT = 10

_EPILOG = """\
without --rate: a closed loop, --concurrent callers that each wait for their answer
with --rate:    an open loop, calls are made when they are due, whatever became of the others
Ctrl-C (or SIGTERM) ends a run early, with the report so far.

test_swarm_load.py report RUN  renders a run again: --format terminal, markdown, html or json

exit codes: 0 passed; 1 a wrong answer, a missed threshold, or a run that is invalid because this
tester was the bottleneck; 2 usage; 3 target not reachable
"""

_T = TypeVar("_T")


def main(argv: Sequence[str] | None = None, program: str = "test_swarm_load.py") -> int:
    """Run the load test that `argv` asks for; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["report"]:
        from loadtest.again import main as report_again

        return report_again(words[1:], program)
    plan, json_path, asked = _parse(words, program)
    head = identity(plan, time.time(), [program, *_without_token(words)], asked)
    progress = Progress(sys.stderr) if sys.stderr.isatty() else None
    try:
        if plan.record:
            begin(plan.record, head)
        outcome = run_on_fastest_loop(run(plan, progress))
        if plan.record:
            end(plan.record, closing(outcome))
    except TargetError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return UNREACHABLE
    except RecordError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return FAILED
    finally:
        if progress is not None:
            progress.clear()
    return _tell(program, head, outcome, json_path)


def run_on_fastest_loop(work: Coroutine[Any, Any, _T]) -> _T:
    """asyncio.run, on uvloop where there is one: it halves the cost of a call."""
    try:
        import uvloop  # it is not on every platform
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


def _tell(program: str, head: dict[str, Any], outcome: Outcome, json_path: str | None) -> int:
    run_document = assemble(head, outcome.result, closing(outcome))
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
            f"{program}: nothing at {head['target']['url']} gave an HTTP answer. "
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


def _parse(words: list[str], program: str) -> tuple[Plan, str | None, Wanted]:
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
        record=judging.record_path(given),
    )
    return plan, given.json, judging.wanted(given)


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
    judging.add_flags(parser)
    return parser
