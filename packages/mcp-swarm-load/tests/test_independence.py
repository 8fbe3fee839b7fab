"""The package imports its own modules and its declared dependencies only, and no server."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]
SOURCE = PACKAGE / "src" / "mcp_swarm_load"


def declared() -> set[str]:
    """Returns the import names of the dependencies in pyproject.toml."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["testing"]]
    names = {re.match(r"[\w-]+", line)[0] for line in lines}
    return {{"pyyaml": "yaml"}.get(name, name) for name in names}


def imported(source: str) -> set[str]:
    """Returns the top-level packages that a module imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).partition(".")[0])
    return found


def undeclared(source: str) -> set[str]:
    """Returns imports that are not ours, not declared and not in the standard library."""
    return imported(source) - declared() - sys.stdlib_module_names - {"mcp_swarm_load"}


def test_the_package_imports_no_server_and_nothing_undeclared():
    files = sorted(SOURCE.rglob("*.py"))

    assert len(files) > 40
    assert {f.name: undeclared(f.read_text()) for f in files if undeclared(f.read_text())} == {}


@pytest.mark.parametrize(
    "line", ["from mcp_swarm.config import load", "import fastmcp", "import mcp"]
)
def test_importing_a_server_or_its_framework_is_found(line):
    """This is the control."""
    assert undeclared(line) != set()


def test_only_the_testing_modules_import_the_testing_modules():
    """The load tester itself does not need the targets for tests."""
    users = {
        path.name
        for path in SOURCE.rglob("*.py")
        if path.parent.name != "testing" and "mcp_swarm_load.testing" in path.read_text()
    }
    assert users == set()
