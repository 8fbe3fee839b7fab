"""The recorded layouts: a file for each version, beside this one."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.layout.scenario import Scenario

FOLDER = Path(__file__).parent
CHANGELOG = FOLDER.parents[1] / "CHANGELOG.md"


def versions() -> list[str]:
    """Recorded versions, the oldest first."""
    found = [file.stem for file in FOLDER.glob("*.json")]
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")])


def read(version: str) -> dict[str, Any]:
    """The record: `kinds`, `client`, `ended`, `keys`, as a scenario has them."""
    found: dict[str, Any] = json.loads((FOLDER / f"{version}.json").read_text())
    return found


def write(version: str, made: "Scenario") -> Path:
    """Writes the record; returns its file."""
    file = FOLDER / f"{version}.json"
    record = {"kinds": made.kinds, "client": made.client, "ended": made.ended, "keys": made.keys}
    file.write_text(json.dumps(record, indent=1) + "\n")
    return file


def is_released(version: str) -> bool:
    """Returns whether CHANGELOG.md has a date for the version."""
    return not re.search(
        rf"^## {re.escape(version)} . unreleased$", CHANGELOG.read_text(), re.MULTILINE
    )


def changes(released: dict[str, Any], today: dict[str, Any]) -> list[str]:
    """What later code may not change of the kinds of a release, and kinds that it does not know."""
    found = [f"{name}: is no longer made" for name in released.keys() - today.keys()]
    found += [f"{name}: is a new kind of key" for name in today.keys() - released.keys()]
    for name in released.keys() & today.keys():
        was, now = released[name], today[name]
        if lost := sorted(set(was["fields"]) - set(now["fields"])):
            found.append(f"{name}: has no field {', '.join(lost)}")
        found += [
            f"{name}: {what} is {now[what]}, was {was[what]}"
            for what in ("type", "expires")
            if was[what] != now[what]
        ]
    return sorted(found)


def markdown() -> str:
    """The table of the keys of the newest version."""
    rows = ["| key | type | expires | fields |", "|---|---|---|---|"]
    for name, kind in read(versions()[-1])["kinds"].items():
        fields = ", ".join(f"`{field}`" for field in kind["fields"])
        expires = "yes" if kind["expires"] else "no"
        rows.append(f"| `{name}` | {kind['type']} | {expires} | {fields} |")
    return "\n".join(rows)
