"""Everything in the documentation that code can produce: ``python -m lab.docs.generate [PAGE …]``.

A generated part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``. The tests fail
when a page is stale; transcripts are compared without their figures, which differ each time.
"""

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import mcp_swarm.config
from lab.docs import public_api, scaling
from lab.docs.traps import TRAPS
from lab.feature.edits import EDITS
from lab.layout import records
from server.config import Settings

ROOT = Path(__file__).parents[2]
MARK = re.compile(r"(<!-- generated: ([\w-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def settings() -> str:
    """A table of settings for each class that reads them: a feature's, and last the service's own."""
    ours = mcp_swarm.config.Settings
    groups = {_title(group): list(group.model_fields) for group in ours.__bases__}
    groups["Yours, in server/config.py"] = [
        name for name in Settings.model_fields if name not in ours.model_fields
    ]
    lines = []
    for title, names in groups.items():
        lines += ["", f"## {title}", "", "| variable | default | what it does |", "|---|---|---|"]
        for name in names:
            description = Settings.model_fields[name].description
            lines.append(f"| `{name.upper()}` | {_default(name)} | {description} |")
    return "\n".join(lines[1:])


def _title(group: type) -> str:
    return (group.__doc__ or "").splitlines()[0].rstrip(".").replace("``", "`")


def _default(name: str) -> str:
    if name == "mcp_replica":
        return "host name"
    if name == "files_root":
        return "`server/examples/data`"
    default = Settings.model_fields[name].get_default()
    if hasattr(default, "get_secret_value"):
        default = default.get_secret_value()
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    if default is None or default == "":
        return "none"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


# What each trap does to a service that does not care; its number is that of the test's table.
TRAP_DOES = {
    "T1": "every 2026-07-28 call with arguments lists all tools first, through all middleware",
    "T2": "JSON answers drop progress, logs and cancellation without an error",
    "T3": "without sessions, one client's `logging/setLevel` mutes all clients of the replica",
    "T4": "sse-starlette cuts the streams of calls in flight 0.2 s after SIGTERM",
    "T5": "one open `subscriptions/listen` keeps uvicorn from ever ending",
    "T6": "FastMCP's event store is private to one replica's transport",
    "T7": "input rounds fail on every replica but the one that asked",
    "T8": "a task's retry and time limit are ignored",
    "T9": "the task worker dies at SIGTERM with its task",
    "T10": "an old worker drops a task it does not know as done",
    "T11": "a draining worker's task is run a second time elsewhere",
    "T12": "bearer tokens lie in Redis in clear; arguments are pickles",
    "T13": "`ctx.info` raises in a task",
    "T14": "a tool file can shadow a library; of two equal names the last wins in silence",
    "T15": "redis-py's default time-out ends a blocking read with an error",
    "T16": 'error details reach clients; `"41"` passes for an int',
    "T17": "a `.env` in the working directory changes settings",
    "T18": "the limits of bodies and of sessions cannot be set",
    "T19": "FastMCP's cache keeps every tool's answer for an hour",
    "T20": "a client pinned to 2026-07-28 does not know what the server can",
    "T21": "tracebacks with source lines fill the log",
    "T22": "an exception that is no `Exception` ends the SDK's task group or the process; a tool's own "
    "CancelledError leaves a call without an answer; the text of a prompt's exception is not masked",
    "T23": "a server whose sessions have ended answers 500 to all, and stays up",
    "T24": "an object without a form in JSON goes out as `<Thing object at 0x…>`",
    "T25": '`ctx.warning(…, extra={"error": exc})` fails the call, delivered or not',
}


def traps() -> str:
    """The traps of FastMCP and the SDK, and the tests that close each."""
    rows = ["| trap | what happens without care | here |", "|---|---|---|"]
    for name, tests in TRAPS.items():
        anchor = f'<a id="{name.lower()}"></a>{name}'
        rows.append(f"| {anchor} | {TRAP_DOES[name]} | {'; '.join(map(_shown, tests))} |")
    return "\n".join(rows)


def _shown(where: str) -> str:
    """A test as a sentence, after its file."""
    path, _, test = where.partition("::")
    return f"`packages/mcp-swarm/tests/{path}`: {test.removeprefix('test_').replace('_', ' ')}"


def swarm_report() -> str:
    """The load report of the last proof on three nodes."""
    store = ROOT / "docs" / "proofs.json"
    found = json.loads(store.read_text()).get("swarm", "") if store.exists() else ""
    blocks = re.findall(r"```console\n(.*?)```", found, re.DOTALL)
    reports = [block for block in blocks if "MCP SWARM LOAD TEST" in block]
    # Not how to repeat it: that names the proof's own temporary files.
    reports = [block.partition("\nREPEAT\n")[0] for block in reports]
    return (
        f"```console\n{reports[0].rstrip()}\n```" if reports else "_`make prove` has not run yet._"
    )


def load_test_fields() -> str:
    """What `--json` writes, from the schema that it is checked against."""
    from mcp_swarm_load.report.schema_table import markdown

    return markdown()


def load_tester_speed() -> str:
    """The figures of the last proof of the load tester's own speed."""
    store = ROOT / "docs" / "proofs.json"
    found = json.loads(store.read_text()).get("loadtester", "") if store.exists() else ""
    tables = re.findall(r"\| figure \| value \|.*?\n\n", found, re.DOTALL)
    return tables[0].rstrip() if tables else "_`make prove` has not run yet._"


def proved(section: str, words: str) -> str:
    """The claim of the last proof that has these `words`, and its figures."""
    store = ROOT / "docs" / "proofs.json"
    found = json.loads(store.read_text()).get(section, "") if store.exists() else ""
    for claim, table in re.findall(r"\*\*(.*)\*\*\n\n((?:\|.*\n)+)", found):
        if words in claim:
            return f"{claim}.\n\n{table.rstrip()}"
    return "_`make prove` has not measured it yet._"


def capabilities() -> dict[str, Callable[[], str]]:
    """The matrix of what a client gets, from the cells that lab/matrix/ tries."""
    from lab.matrix import page

    return {
        "columns": page.modes,
        "modern": lambda: page.table("modern"),
        "legacy": lambda: page.table("legacy"),
        "notes": page.notes,
    }


def comparisons() -> dict[str, Callable[[], str]]:
    """The same cells beside those of the texts that the project comes from."""
    from lab.matrix import page

    def of(table: Callable[[], str]) -> Callable[[], str]:
        return lambda: table().replace("(#notes)", "(capabilities.md#notes)")

    return {"seed": of(page.seed), "lesson": of(page.lesson)}


def performance() -> str:
    """The tables of the last `make bench`."""
    from lab.bench.report import table

    store = ROOT / "docs" / "performance.json"
    return (
        table(json.loads(store.read_text()))
        if store.exists()
        else "_`make bench` has not run yet._"
    )


# Page → the generated parts that can be made at any time, without a server.
def file_of_a_copy(path: str) -> Callable[[], str]:
    """A file that lab/copy adds to a copy, as a block of code."""
    file = ROOT / "lab" / "copy" / "project" / path
    return lambda: f"`{path}`:\n\n```python\n{file.read_text().rstrip()}\n```"


MAKE_IT_YOURS = {
    "config": "server/config.py",
    "models": "server/app/models.py",
    "tools": "server/tools/leads.py",
    "routes": "server/routes/webhooks.py",
    "middleware": "server/app/region.py",
    "server": "server/server.py",
    "call-log": "server/app/call_log.py",
    "mcp-app": "server/mcp_app.py",
    "tests": "tests/test_leads.py",
}


def feature() -> str:
    """What the example of a feature changes in files that exist."""
    blocks = []
    for file in dict.fromkeys(edit.file for edit in EDITS):
        hunks = [
            f" {edit.after.splitlines()[-1]}\n"
            + "".join(f"+{line}\n" for line in edit.lines.splitlines())
            for edit in EDITS
            if edit.file == file
        ]
        blocks.append(f"`{file}`:\n\n```diff\n" + "@@\n".join(hunks) + "```")
    return "\n\n".join(blocks)


STATIC: dict[str, dict[str, Callable[[], str]]] = {
    "docs/architecture.md": {"feature": feature},
    "docs/capabilities.md": capabilities(),
    "docs/from-the-seed.md": comparisons(),
    "docs/load-test.md": {"load-tester-speed": load_tester_speed},
    "docs/load-test-json.md": {"fields": load_test_fields},
    "docs/long-work.md": {
        "storm": lambda: proved("jobs", "on three nodes"),
        "storm-of-processes": lambda: proved("tasks", "jobs, two workers"),
        "overhead": lambda: proved("tasks", "bare Docket"),
    },
    "docs/make-it-yours.md": {name: file_of_a_copy(path) for name, path in MAKE_IT_YOURS.items()},
    "docs/performance.md": {"performance": performance},
    "docs/scaling.md": dict(scaling.PARTS),
    "docs/settings.md": {"settings": settings},
    "docs/traps.md": {"traps": traps},
    "docs/upgrade.md": {"public": public_api.markdown, "keys": records.markdown},
    "README.md": {"swarm-report": swarm_report},
}


def rendered(page: str, parts: dict[str, Callable[[], str]]) -> str:
    """The text of `page` with its generated `parts` made again.

    Raises:
        KeyError: a part is not marked in the page.
    """
    text = (ROOT / page).read_text()
    marked = {name for _, name, _, _ in MARK.findall(text)}
    for name in parts:
        if name not in marked:
            raise KeyError(f"{page} has no <!-- generated: {name} -->")

    def fill(match: re.Match[str]) -> str:
        head, name, old, tail = match.groups()
        return f"{head}{parts[name]()}\n{tail}" if name in parts else f"{head}{old}{tail}"

    return MARK.sub(fill, text)


def main(names: Sequence[str]) -> int:
    """Writes the pages of these names, or every page; returns 0."""
    from lab.docs import transcript

    pages = {page: dict(parts) for page, parts in STATIC.items()}
    pages["README.md"]["readme"] = transcript.record
    for page in names or pages:
        parts = pages[page]
        (ROOT / page).write_text(rendered(page, parts))
        print(f"wrote {page}: {', '.join(parts)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
