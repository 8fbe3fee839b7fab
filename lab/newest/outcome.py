"""Runs the tests that an upgrade can break, and tells which fail and what private name each names."""

import os
import re
import subprocess
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree as ET

# Tests of each private name of FastMCP, the SDK, uvicorn and sse-starlette; then those of Docket.
TESTS = ("packages/mcp-swarm/tests/framework", "packages/mcp-swarm/tests/jobs/queue")
SECONDS = 500
_PRIVATE = re.compile(r"(?<![\w/])(?:[A-Za-z]\w*\.)*_[A-Za-z]\w*(?:\.\w+)*")
_LONGEST = 300  # characters of a reason


def failures(python: Path, folder: Path, tests: tuple[str, ...] = TESTS) -> list[str]:
    """Runs the tests in `folder`; returns a line for each reason why some fail.

    Raises:
        RuntimeError: pytest has not run.
    """
    with TemporaryDirectory() as name:
        report = Path(name) / "report.xml"
        options = ("-q", "-p", "no:cacheprovider", "-p", "no:randomly", f"--junit-xml={report}")
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(
            [python, "-m", "pytest", *options, *tests],
            cwd=folder,
            env=kept,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if not report.exists():
            raise RuntimeError(f"pytest: exit {done.returncode}\n{done.stdout}{done.stderr}")
        found = lines(ET.parse(report).getroot())
    if done.returncode and not found:
        raise RuntimeError(f"pytest: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return found


def lines(report: ET.Element) -> list[str]:
    """Returns a line for each reason in a report of pytest, with the private names in it and its tests."""
    tests = defaultdict(list)
    for case in report.iter("testcase"):
        for failed in (*case.findall("failure"), *case.findall("error")):
            where = f"{case.get('classname')}.{case.get('name')}".strip(".")
            tests[_reason(failed)].append(where.rpartition("tests.")[2])
    return [
        f"{_named(reason)}: {reason} (fails {len(names)}, first {names[0]})"
        for reason, names in sorted(tests.items())
    ]


def _reason(failed: ET.Element) -> str:
    """Returns the first line of what a test has raised: pytest marks it with an E."""
    marked = re.search(r"^E +(.*)$", failed.text or "", re.MULTILINE)
    return (marked[1] if marked else (failed.get("message") or "")).strip()[:_LONGEST]


def _named(reason: str) -> str:
    return ", ".join(dict.fromkeys(_PRIVATE.findall(reason))) or "no private name"
