"""docs/from-outside.md names tests that exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "from-outside.md"
NAMED = re.compile(r"`((?:(?:packages/[\w-]+/)?tests|lab)/[\w/]+\.py)::(\w+)`")
COLUMNS = 4


def rows() -> list[list[str]]:
    """The cells of the page's tables, without their heads."""
    found = []
    for line in PAGE.read_text().splitlines():
        if line.startswith("| ") and not line.startswith("| what broke"):
            found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


def functions(path: str) -> set[str]:
    """The functions of a file, also those in classes; empty if it is not there."""
    file = ROOT / path
    if not file.exists():
        return set()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, kinds)}


def test_every_row_names_a_test_that_exists() -> None:
    """A row without a test, or with one that was renamed, is found."""
    wrong = []
    for row in rows():
        named = NAMED.findall(row[-1])
        missing = [f"{path}::{test}" for path, test in named if test not in functions(path)]
        if len(row) != COLUMNS or not named or missing:
            wrong.append((row[0], missing or row[1:]))

    assert wrong == []
    assert len(rows()) > 30
