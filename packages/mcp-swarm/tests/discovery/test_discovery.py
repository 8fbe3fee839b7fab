"""Discovery: what is dropped in is served, each thing once, in one order."""

import importlib
import subprocess
import sys

import pytest
from fastmcp import FastMCP

from lab.discovery_helpers import TOOL, found, names
from lab.replica import ROOT
from mcp_swarm.discovery import discover


async def test_a_dropped_file_is_served(package):
    """Nothing is registered anywhere else."""
    mcp = FastMCP("t")
    discover(mcp, package({"hello.py": TOOL.format(name="hello")}))
    assert names(await mcp.list_tools()) == ["hello"]


async def test_each_kind_is_served_from_any_file(package):
    """Folders are for people: a prompt beside a tool is served all the same."""
    source = (
        "from fastmcp.prompts import prompt\nfrom fastmcp.resources import resource\n"
        + TOOL.format(name="one")
        + "@prompt\ndef two() -> str:\n    return ''\n"
        + "@resource('x://three')\ndef three() -> str:\n    return ''\n"
        + "@resource('x://{n}')\ndef four(n: str) -> str:\n    return n\n"
    )
    mcp = FastMCP("t")
    assert names(discover(mcp, package({"mixed.py": source}))) == ["one", "two", "three", "four"]
    assert names(await mcp.list_prompts()) == ["two"]
    assert names(await mcp.list_resources()) == ["three"]
    assert names(await mcp.list_resource_templates()) == ["four"]


def test_nested_packages_are_served(package):
    """Topics may have folders, each with its __init__.py."""
    made = package(
        {
            "top.py": TOOL.format(name="top"),
            "deep/__init__.py": "",
            "deep/er/__init__.py": "",
            "deep/er/leaf.py": TOOL.format(name="leaf"),
        }
    )
    assert found(made) == ["top", "leaf"]


def test_a_tool_in_a_packages_own_init_is_served(package):
    """A folder's __init__.py is a file like any other; what it re-exports is served once."""
    init = "from .a import a\n" + TOOL.format(name="b")
    made = package({"sub/__init__.py": init, "sub/a.py": TOOL.format(name="a")})

    assert found(made) == ["a", "b"]
    assert found(made, only=("sub",)) == ["a", "b"]


def test_relative_imports_work(package):
    """A module is imported as the member of its package that it is."""
    uses = "from ._words import WORD\n" + TOOL.format(name="uses")
    assert found(package({"_words.py": "WORD = 'w'\n", "uses.py": uses})) == ["uses"]


def test_equal_names_of_different_kinds_or_versions_are_fine(package):
    """A prompt may be called as a tool is; versions are FastMCP's way to offer several."""
    source = (
        TOOL.format(name="a")
        + "from fastmcp.prompts import prompt\n@prompt(name='a')\ndef p() -> str:\n    return ''\n"
        + "@tool(name='v', version='1')\ndef v1() -> str:\n    return ''\n"
        + "@tool(name='v', version='2')\ndef v2() -> str:\n    return ''\n"
    )
    assert found(package({"a.py": source})) == ["a", "a", "v", "v"]


def test_a_folder_of_data_needs_no_init(package):
    """Only Python files make it a package."""
    made = package({"a.py": TOOL.format(name="a"), "data/table.csv": "1,2\n"})
    assert found(made) == ["a"]


def test_private_names_and_undecorated_functions_are_left_out(package):
    """A leading underscore hides a function, a module, a folder; no decorator, no tool."""
    source = TOOL.format(name="shown") + "\n@tool\ndef _hidden() -> str:\n    return ''\n"
    made = package(
        {
            "a.py": source + "def plain() -> str:\n    return ''\n",
            "_b.py": TOOL.format(name="b"),
            "_c/__init__.py": "",
            "_c/c.py": TOOL.format(name="c"),
            ".d/d.py": TOOL.format(name="d"),
        }
    )
    assert found(made) == ["shown"]


def test_a_tool_imported_from_another_module_is_not_served_twice(package):
    """A module that calls another's tool does not define it."""
    two = "from .one import a\n" + TOOL.format(name="b")
    assert found(package({"one.py": TOOL.format(name="a"), "two.py": two})) == ["a", "b"]


def test_a_tool_imported_from_another_package_is_not_served_twice(package):
    """A resource that calls a tool of server/tools does not define it."""
    tools = package({"one.py": TOOL.format(name="a")})
    others = package({"two.py": f"from {tools}.one import a\n" + TOOL.format(name="b")})
    mcp, seen = FastMCP("t", on_duplicate="error"), {}
    assert names(discover(mcp, tools, seen=seen)) == ["a"]
    assert names(discover(mcp, others, seen=seen)) == ["b"]


def test_a_tool_that_mcp_tools_leaves_out_is_not_served_by_its_importer(package):
    """What is imported is not what is served."""
    two = "from .one import a\n" + TOOL.format(name="b")
    made = package({"one.py": TOOL.format(name="a"), "two.py": two})
    assert found(made, only=("two",)) == ["b"]


def test_a_second_name_for_one_tool_in_a_module_is_not_a_second_tool(package):
    """`alias = tool` is no mistake."""
    assert found(package({"a.py": TOOL.format(name="a") + "again = a\n"})) == ["a"]


def test_a_component_object_is_served_once_however_often_it_is_imported(package):
    """Objects do not know their module; the object itself is told apart."""
    one = "from fastmcp.tools import Tool\ndef f() -> str:\n    return ''\nA = Tool.from_function(f)\n"
    assert found(package({"one.py": one, "two.py": "from .one import A\n"})) == ["f"]


def test_a_module_is_imported_once_under_one_name(package):
    """A test that imports the module as well sees the same state."""
    made = package({"a.py": TOOL.format(name="a") + "import tally\ntally.COUNT.append(__name__)\n"})
    sys.modules["tally"] = type(sys)("tally")
    sys.modules["tally"].COUNT = counted = []
    try:
        found(made)
        module = importlib.import_module(f"{made}.a")
        found(made)
    finally:
        del sys.modules["tally"]
    assert counted == [f"{made}.a"]
    assert module is sys.modules[f"{made}.a"]
    assert "a" not in sys.modules


@pytest.mark.parametrize("name", ["wave", "email", "json", "redis"])
def test_a_file_named_like_a_library_shadows_nothing(package, name):
    """`tools/email.py` is the most natural name there is."""
    made = package({f"{name}.py": TOOL.format(name=f"send_{name}")})
    assert found(made) == [f"send_{name}"]
    library = importlib.import_module(name)
    assert made not in str(library.__file__)


def test_mcp_tools_picks_modules_and_folders(package):
    """`MCP_TOOLS=sales,files` serves these and imports no other."""
    made = package(
        {
            "a.py": TOOL.format(name="a"),
            "b.py": "raise RuntimeError('not asked for')\n",
            "c/__init__.py": "",
            "c/d.py": TOOL.format(name="d"),
        }
    )
    assert found(made, only=("a", "c")) == ["a", "d"]


def test_a_missing_or_empty_package_serves_nothing(package):
    """The example tools may be deleted, folder and all."""
    assert found("no_such_package") == []
    assert found("server.no_such_folder") == []
    assert found("no_such_parent.tools") == []
    assert found(package({})) == []


@pytest.mark.processes
def test_the_order_is_the_same_in_every_process(package):
    """Clients cache lists, and replicas must agree: no set or hash decides."""
    files = {f"m{n}.py": TOOL.format(name=f"t{n}") for n in range(8)}
    made = package({**files, "z/__init__.py": "", "z/a.py": TOOL.format(name="t9")})
    code = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(sys.path[0])!r}]\n"
        "from fastmcp import FastMCP; from mcp_swarm.discovery import discover\n"
        f"print([c.name for c in discover(FastMCP('t'), {made!r})])"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    orders = [process.communicate()[0].strip() for process in processes]
    assert orders == [str([*(f"t{n}" for n in range(8)), "t9"])] * 2
