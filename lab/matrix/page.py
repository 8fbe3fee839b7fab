"""The parts of docs/capabilities.md, made from the cells that the tests hold."""

from lab.matrix.cells import Cell, cell
from lab.matrix.modes import MODES
from lab.matrix.probes import PROBES
from lab.matrix.reference_tables import LESSON, SEED, Table, Theirs
from lab.mcp_wire import ERAS, Era

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
        text = ""
        if found.names:
            text = " The log names" if found.kind == "dropped" else " The error names"
            text += f" `{found.names}`."
        lines.append(f"{number}. {said[found.kind]}: {found.why}.{text}")
    return "\n".join(lines)


def theirs(table: Table) -> str:
    """The rows of another table, and beside each of its cells ours."""
    head = ["row"]
    for column, modes in table.columns.items():
        head += [f"{column}: there", *(f"here: {MODES[mode].title}" for mode in modes)]
    made = ["| " + " | ".join(head) + " |", "|---|" + "---|" * (len(head) - 1)]
    for row in table.rows:
        cells = [row.row]
        for number, modes in enumerate(table.columns.values()):
            cells.append(row.said[number])
            cells += [_beside(row, number, mode) for mode in modes]
        made.append("| " + " | ".join(cells) + " |")
    return "\n".join(made)


def seed() -> str:
    return theirs(SEED)


def lesson() -> str:
    return theirs(LESSON)


def _beside(row: Theirs, number: int, mode: str) -> str:
    """Ours: one sign for both eras if they get the same."""
    if not isinstance(row.ours, str):
        return row.ours[number]
    modern, legacy = (shown(cell(row.ours, era, mode)) for era in ERAS)
    return modern if modern == legacy else f"{modern}, older {legacy}"


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
