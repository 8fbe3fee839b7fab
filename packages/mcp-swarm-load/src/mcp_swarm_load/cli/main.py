"""The command line: parses the options, runs the plan, prints the report and returns an exit code.

Exit codes: 0 passed; 1 a wrong answer, a missed threshold, or a run that is invalid because this
tester was the bottleneck; 2 usage; 3 target not reachable.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mcp_swarm_load.cli import load_options, result_options
from mcp_swarm_load.measure.identity import Criteria, identity
from mcp_swarm_load.measure.record import RecordError, begin, end
from mcp_swarm_load.plan import Plan
from mcp_swarm_load.progress import Progress
from mcp_swarm_load.report.document import assemble, closing
from mcp_swarm_load.report.paint import wants_colour
from mcp_swarm_load.report.terminal import render
from mcp_swarm_load.run import Outcome, WorkerError, run, run_on_fastest_loop
from mcp_swarm_load.target.pool import TargetError
from mcp_swarm_load.traffic.resolve import MixError, resolve

PASSED, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 3
_SECRET = ("--token", "--header")

_EPILOG = """\
without --rate: a closed loop; --concurrent callers each wait for their answer
with --rate:    an open loop; calls are made when they are due, without waiting for answers
Ctrl-C (or SIGTERM) ends a run early and reports the result so far.

%(prog)s report RUN  renders a recorded run as terminal text, markdown, html or json
%(prog)s schema      prints the JSON schema of the --json document

exit codes: 0 passed; 1 a wrong answer, a missed threshold, or a run that is invalid because this
tester was the bottleneck; 2 usage; 3 target not reachable
"""


def main(argv: Sequence[str] | None = None, program: str = "mcp-swarm-load") -> int:
    """Runs the command in `argv` and returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["report"]:
        from mcp_swarm_load.cli.report_command import main as run_report

        return run_report(words[1:], program)
    if words == ["schema"]:
        from mcp_swarm_load.report.schema import schema

        print(json.dumps(schema(), indent=2, ensure_ascii=False))
        return PASSED
    plan, json_path, criteria = _parse(words, program)
    head = identity(plan, time.time(), [program, *_without_secrets(words)], criteria)
    progress = Progress(sys.stderr) if sys.stderr.isatty() else None
    try:
        if plan.record:
            begin(plan.record, head)
        outcome = run_on_fastest_loop(_load(plan, progress))
        if plan.record:
            end(plan.record, closing(outcome))
    except TargetError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return UNREACHABLE
    except MixError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return USAGE
    except (RecordError, WorkerError) as error:
        print(f"{program}: {error}", file=sys.stderr)
        return FAILED
    finally:
        if progress is not None:
            progress.clear()
    return _report(program, head, outcome, json_path)


async def _load(plan: Plan, watch: Progress | None) -> Outcome:
    plan = await resolve(plan)
    if plan.processes > 1:
        from mcp_swarm_load.processes import run_processes

        return await run_processes(plan, watch)
    return await run(plan, watch)


def _report(program: str, head: dict[str, Any], outcome: Outcome, json_path: str | None) -> int:
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
            f"{program}: no HTTP answer from {head['target']['url']}. "
            "Expected an MCP server there. Check that it is up and that --url is right.",
            file=sys.stderr,
        )
        return UNREACHABLE
    return PASSED if run_document["verdict"]["passed"] else FAILED


def _without_secrets(words: list[str]) -> list[str]:
    """Returns the command as typed, without the token and the values of headers."""
    kept = []
    option = ""
    for word in words:
        name, equals, value = word.partition("=")
        if option:
            kept.append(_hidden(option, word))
        elif name in _SECRET and equals:
            kept.append(f"{name}={_hidden(name, value)}")
        else:
            kept.append(word)
        option = word if not option and word in _SECRET else ""
    return kept


def _hidden(option: str, value: str) -> str:
    return "…" if option == "--token" else f"{value.partition(':')[0]}: …"


def _parse(words: list[str], program: str) -> tuple[Plan, str | None, Criteria]:
    parser = _parser(program)
    given = parser.parse_args(words)
    if given.json not in (None, "-") and not Path(given.json).absolute().parent.is_dir():
        parser.error(f"--json {given.json}: no such folder. Create it first")
    plan = replace(load_options.plan(given, parser), record=result_options.record_path(given))
    return plan, given.json, result_options.criteria(given)


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Load-test an MCP server: latency, right answers and the spread over replicas.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    load_options.add_options(parser)
    result_options.add_options(parser)
    return parser
