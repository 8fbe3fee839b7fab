"""The parts of docs/capabilities.md, made from the cells that the tests hold."""

from tests.matrix.cells import Cell, cell
from tests.matrix.modes import MODES
from tests.matrix.probes import PROBES
from tests.matrix.theirs import LESSON, SEED, Theirs
from tests.speak import Era

SIGN = {"works": "✓", "refused": "✗", "dropped": "dropped", "absent": "n/a"}


def modes() -> str:
    """What each column is."""
    rows = ["| column | settings | replicas | as a pattern |", "|---|---|---|---|"]
    for mode in MODES.values():
        settings = " ".join(f"`{name}={value}`" for name, value in mode.settings.items())
        redis = "`REDIS_URL=redis://…`" if mode.shared else "`REDIS_URL=memory://`"
        balanced = ", affinity" if mode.sticky else ", each request on another one"
        replicas = f"{mode.count}{balanced}" if mode.count > 1 else "1"
        rows.append(f"| {mode.title} | {settings} {redis} | {replicas} | {mode.pattern} |")
    return "\n".join(rows)


def table(era: Era) -> str:
    """Every capability in every mode, for a client of `era`."""
    rows = [
        "| | " + " | ".join(mode.title for mode in MODES.values()) + " |",
        "|---|" + "---|" * len(MODES),
    ]
    for capability, probe in PROBES.items():
        cells = [shown(cell(capability, era, name)) for name in MODES]
        rows.append(f"| **{capability}**: {_said(probe)} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def shown(found: Cell) -> str:
    """A cell, with the number of its note."""
    if found.kind == "works":
        return SIGN["works"]
    return f"{SIGN[found.kind]} [{_notes().index(found) + 1}](#notes)"


def notes() -> str:
    """Why a cell is not a tick, and what its client is told."""
    said = {
        "refused": "Refused at once",
        "dropped": "The call is served without it",
        "absent": "Not there",
    }
    lines = []
    for number, found in enumerate(_notes(), 1):
        told = ""
        if found.names:
            told = " The log names" if found.kind == "dropped" else " The error names"
            told += f" `{found.names}`."
        lines.append(f"{number}. {said[found.kind]}: {found.why}.{told}")
    return "\n".join(lines)


def theirs(rows: tuple[Theirs, ...]) -> str:
    """The rows of another table, and where ours has a tick."""
    made = [
        "| row | said there | here, clients of 2026-07-28 | here, clients up to 2025-11-25 |",
        "|---|---|---|---|",
    ]
    for row in rows:
        ours = [_where(row.capability, era) for era in ("modern", "legacy")]
        made.append(f"| {row.row} | {row.said} | " + " | ".join(ours) + " |")
    return "\n".join(made)


def seed() -> str:
    return theirs(SEED)


def lesson() -> str:
    return theirs(LESSON)


def _where(capability: str, era: Era) -> str:
    if capability not in PROBES:
        return "*next*"
    ticks = [m.title for m in MODES.values() if cell(capability, era, m.name).kind == "works"]
    if len(ticks) == len(MODES):
        return "✓ everywhere"
    return f"✓ {', '.join(ticks)}" if ticks else "not in this revision"


def _said(probe: object) -> str:
    """The first line of what a probe does."""
    line = str(probe.__doc__).splitlines()[0].rstrip(".")
    return line[0].lower() + line[1:]


def _notes() -> list[Cell]:
    """The different cells that are no tick, in the order in which the page shows them."""
    found: dict[Cell, None] = {}
    for era in ("modern", "legacy"):
        for capability in PROBES:
            for mode in MODES:
                found.setdefault(cell(capability, era, mode))
    return [one for one in found if one.kind != "works"]
