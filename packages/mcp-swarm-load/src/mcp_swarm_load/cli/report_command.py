"""The `report` command: renders a run from its JSON document or its record."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcp_swarm_load.measure.identity import SCHEMA
from mcp_swarm_load.measure.record import RecordError, read
from mcp_swarm_load.report.document import assemble, cut_short
from mcp_swarm_load.report.paint import wants_colour

FORMATS = ("terminal", "markdown", "html", "json")


def main(words: Sequence[str], program: str) -> int:
    """Renders a run. Returns 0 whatever its verdict; exits with 2 if the run cannot be read."""
    parser = argparse.ArgumentParser(
        prog=f"{program} report",
        description="Render a run that --json or --record wrote.",
        allow_abbrev=False,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a run's JSON document or record")
    parser.add_argument(
        "--format", choices=FORMATS, help="format (default: by the suffix of -o, else terminal)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="output file (default: standard output)"
    )
    given = parser.parse_args(words)
    try:
        run = load(given.run)
    except RecordError as error:
        parser.error(str(error))
    kind = given.format or _by_ending(given.output)
    if given.output is None:
        sys.stdout.write(rendered(run, kind, colour=wants_colour(sys.stdout)))
        return 0
    try:
        given.output.write_text(rendered(run, kind), encoding="utf-8")
    except OSError as error:
        parser.error(f"cannot write {given.output}: {error.strerror or error}")
    return 0


def load(path: Path) -> dict[str, Any]:
    """Returns the document of a run. Raises RecordError."""
    try:
        run = json.loads(path.read_bytes())
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError:  # several lines of JSON: not a document, but maybe a record
        run = None
    if isinstance(run, dict) and "totals" in run:
        if run.get("schema") != SCHEMA:
            raise RecordError(f"{path} has schema {run.get('schema')!r}: expected {SCHEMA!r}")
        return run
    head, result, close = read(path)
    return assemble(head, result, close or cut_short(result))


def rendered(run: dict[str, Any], kind: str, *, colour: bool = False) -> str:
    """Returns the report in one of FORMATS."""
    if kind == "html":
        from mcp_swarm_load.report.page import render as html

        return html(run)
    if kind == "markdown":
        from mcp_swarm_load.report.markdown import render as markdown

        return markdown(run)
    if kind == "json":
        return json.dumps(run, indent=2, ensure_ascii=False) + "\n"
    from mcp_swarm_load.report.terminal import render

    return render(run, colour=colour)


def _by_ending(output: Path | None) -> str:
    endings = {".md": "markdown", ".html": "html", ".htm": "html", ".json": "json"}
    return endings.get(output.suffix if output else "", "terminal")
