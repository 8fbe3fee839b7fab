"""What this library replaces in others' modules and classes is listed, and still there to replace."""

import ast
import importlib
import inspect
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastmcp import Context
from pydantic import TypeAdapter

import mcp_swarm
from lab.private_names import INHERITED, REPLACED

SOURCES = Path(mcp_swarm.__file__).parent
LIBRARIES = ("fastmcp", "mcp", "docket", "starlette", "uvicorn", "pydantic", "sse_starlette")


def imported(tree: ast.AST) -> set[str]:
    """The names that a file gets from others."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not str(node.module).startswith("mcp_swarm"):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names = {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
            found |= names - {"mcp_swarm"}
    return found


def replaced(source: str) -> Iterator[str]:
    """What a file sets on a name that it has imported; a variable stands for its name."""
    tree = ast.parse(source)
    theirs = imported(tree)
    for node in ast.walk(tree):
        found = []
        if isinstance(node, ast.Assign):
            found = [ast.unparse(t) for t in node.targets if isinstance(t, ast.Attribute)]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr":
            name = node.args[1]
            last = name.value if isinstance(name, ast.Constant) else "KEEPING"
            found = [f"{ast.unparse(node.args[0])}.{last}"]
        yield from (each for each in found if each.partition(".")[0] in theirs)


def test_every_replacement_is_listed():
    """A new one belongs into lab/private_names.py, with a test of what it replaces."""
    found = {
        path.relative_to(SOURCES).as_posix(): names
        for path in SOURCES.rglob("*.py")
        if (names := set(replaced(path.read_text())))
    }
    assert found == REPLACED


def test_a_replacement_is_found():
    """The control: by assignment and by `setattr`, of a class and of a module."""
    source = "import a\nfrom b import C\nimport mcp_swarm.d\nC.e = 1\nsetattr(a, 'f', 2)\nmcp_swarm.d.g = 3"
    assert set(replaced(source)) == {"C.e", "a.f"}


def of_libraries(name: str) -> set[str]:
    """The private attributes that the libraries' bases of one of our classes set on themselves."""
    found = set()
    for base in inspect.getmro(context_class(name))[1:]:
        if base.__module__.partition(".")[0] in LIBRARIES:
            found |= set(
                re.findall(r"self\.(_[a-z]\w*)\b(?:: [^=\n]+)? = ", inspect.getsource(base))
            )
    return found


def context_class(name: str) -> type:
    return getattr(importlib.import_module("mcp_swarm.jobs.context"), name)


@pytest.mark.parametrize("name", sorted(INHERITED))
def test_an_inherited_attribute_is_one_that_the_library_sets(name):
    """FastMCP's Context reads its answers from them; an upgrade that renames one fails here."""
    assert INHERITED[name] <= of_libraries(name), f"moved: {INHERITED[name] - of_libraries(name)}"


def test_no_other_class_of_ours_sets_an_attribute_of_its_library():
    """Classes outside of `framework` are looked at: those inside have a test of their own."""
    for path in SOURCES.rglob("*.py"):
        if "framework" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and "Context" in {ast.unparse(b) for b in node.bases}:
                set_here = set(re.findall(r"self\.(_[a-z]\w*) = ", ast.unparse(node)))
                theirs = set(re.findall(r"self\.(_[a-z]\w*)\b", inspect.getsource(Context)))
                assert set_here & theirs <= INHERITED.get(node.name, set()), node.name


def test_what_is_replaced_outside_of_the_folder_is_still_there():
    """Of pydantic and of the standard library, which check neither name when it is set."""
    assert isinstance(inspect.getattr_static(TypeAdapter, "_defer_build"), property)
    assert "_srcfile" in vars(logging)
    assert "_srcfile" in inspect.getsource(logging.Logger._log)
    assert {"logThreads", "logMultiprocessing", "logProcesses"} <= vars(logging).keys()
