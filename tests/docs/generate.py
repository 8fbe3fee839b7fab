"""Everything in the documentation that code can produce: ``python -m tests.docs.generate``.

A generated part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``. The tests fail
when a page is stale; transcripts are compared without their figures, which differ each time.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

from server.config import Settings

ROOT = Path(__file__).parents[2]
MARK = re.compile(r"(<!-- generated: ([\w-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def settings() -> str:
    """The table of all settings, from the class that reads them."""
    rows = ["| variable | default | what it does |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        rows.append(f"| `{name.upper()}` | {_default(name)} | {field.description} |")
    return "\n".join(rows)


def _default(name: str) -> str:
    if name == "mcp_replica":
        return "host name"
    if name == "files_root":
        return "`server/samples`"
    default = Settings.model_fields[name].get_default()
    if hasattr(default, "get_secret_value"):
        default = default.get_secret_value()
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    if default is None or default == "":
        return "–"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def traps() -> str:
    """The traps of FastMCP and the SDK, and the test that closes each."""
    from tests.core.test_traps import TRAPS

    rows = ["| trap | what happens without care | here |", "|---|---|---|"]
    rows += [f"| {trap.name} | {trap.what} | {trap.closed_by} |" for trap in TRAPS]
    return "\n".join(rows)


def swarm_report() -> str:
    """The load report of the last proof on three nodes."""
    store = ROOT / "docs" / "proofs.json"
    found = json.loads(store.read_text()).get("swarm", "") if store.exists() else ""
    blocks = re.findall(r"```console\n(.*?)```", found, re.DOTALL)
    return f"```console\n{blocks[0].rstrip()}\n```" if blocks else "_`make prove` has not run yet._"


# Page → the generated parts that can be made at any time, without a server.
STATIC: dict[str, dict[str, Callable[[], str]]] = {
    "docs/settings.md": {"settings": settings},
    "docs/traps.md": {"traps": traps},
    "README.md": {"swarm-report": swarm_report},
}


def rendered(page: str, parts: dict[str, Callable[[], str]]) -> str:
    """The text of `page` with its generated `parts` made anew.

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


def main() -> int:
    """Writes every page; returns 0."""
    from tests.docs import transcript

    pages = {page: dict(parts) for page, parts in STATIC.items()}
    pages["README.md"]["readme"] = transcript.record
    for page, parts in pages.items():
        (ROOT / page).write_text(rendered(page, parts))
        print(f"wrote {page}: {', '.join(parts)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
