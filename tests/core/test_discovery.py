"""Discovery: what is dropped in is served, and what cannot be served stops the start."""

import importlib
import re
import subprocess
import sys
from itertools import count

import pytest
from fastmcp import FastMCP

from server.core.discovery import discover
from server.core.errors import DiscoveryError
from tests.replica import ROOT

TOOL = "from fastmcp.tools import tool\n\n@tool\ndef {name}() -> str:\n    return '{name}'\n"
_number = count()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of its own that can be imported: `package({"a.py": source})` gives its name."""
    monkeypatch.syspath_prepend(tmp_path)
    made = []

    def make(files, init=True):
        name = f"dropped{next(_number)}"
        made.append(name)
        (tmp_path / name).mkdir()
        if init:
            files = {"__init__.py": "", **files}
        for path, source in files.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(source)
        importlib.invalidate_caches()
        return name

    yield make
    for name in [n for n in sys.modules if n.partition(".")[0] in made]:
        del sys.modules[name]


def names(components):
    return [component.name for component in components]


def found(package, **options):
    return names(discover(FastMCP("t", on_duplicate="error"), package, **options))


def refusal(package, **options):
    with pytest.raises(DiscoveryError) as caught:
        found(package, **options)
    return str(caught.value)


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


def test_a_broken_import_names_file_line_and_reason(package):
    """The developer opens the file at the line."""
    made = package({"bad.py": "x = 1\nimport no_such_module\n"})
    message = refusal(made)
    assert f"{made}/bad.py:2 cannot be imported" in message
    assert "ModuleNotFoundError: No module named 'no_such_module'" in message
    assert "Next: " in message


def test_an_error_at_import_names_the_line_that_raised(package):
    """Any exception counts, and the deepest line of the file is told."""
    made = package({"bad.py": "def f():\n    return 1 / 0\n\nf()\n"})
    message = refusal(made)
    assert "bad.py:2 cannot be imported: ZeroDivisionError" in message


def test_an_error_in_a_private_module_names_that_file(package):
    """The tool's file is fine; the one it imports is not."""
    made = package({"good.py": "from . import _bad\n", "_bad.py": "\n\nundefined\n"})
    message = refusal(made)
    assert f"{made}/_bad.py:3 cannot be imported: NameError" in message


def test_a_syntax_error_names_file_and_line(package):
    """It never ran, so there is no traceback to look in."""
    message = refusal(package({"bad.py": "x = 1\ndef f(:\n"}))
    assert "bad.py:2 cannot be imported: SyntaxError" in message


@pytest.mark.parametrize("source", ["def f(:\n", "undefined\n", "import sys; sys.exit(0)\n"])
def test_a_broken_init_file_is_named(package, source):
    """Importing any module of the package runs it first."""
    made = package({"__init__.py": source, "fine.py": TOOL.format(name="fine")})
    message = refusal(made)
    assert f"{made}/__init__.py:1 cannot be imported" in message


def test_a_file_that_is_not_utf8_is_named(package, tmp_path):
    """An editor's old encoding."""
    made = package({"bad.py": ""})
    (tmp_path / made / "bad.py").write_bytes(b"x = 'caf\xe9'\n")
    message = refusal(made)
    assert "bad.py" in message
    assert "utf-8" in message


@pytest.mark.parametrize("statement", ["sys.exit(0)", "raise SystemExit", "quit()"])
def test_a_module_that_exits_stops_the_start_as_an_error(package, statement):
    """FastMCP's own loader would end the process with the module's code."""
    message = refusal(package({"bad.py": f"import sys\n{statement}\n"}))
    assert "bad.py:2 cannot be imported: SystemExit" in message


def test_one_name_twice_in_a_file_is_refused(package):
    """The second would hide the first."""
    source = TOOL.format(name="a") + "\n@tool(name='a')\ndef b() -> str:\n    return ''\n"
    message = refusal(package({"both.py": source}))
    assert "both.py: the tool 'a' is defined twice in it" in message


def test_one_name_in_two_files_is_refused_with_both(package):
    """The error names both, whichever the developer is looking at."""
    made = package({"one.py": TOOL.format(name="a"), "two.py": TOOL.format(name="a")})
    message = refusal(made)
    assert f"{made}/two.py: the tool 'a' is defined in" in message
    assert f"{made}/one.py too" in message


def test_one_name_in_two_packages_is_refused(package):
    """A resource's folder may hold tools."""
    one, two = (package({f"{n}.py": TOOL.format(name="a")}) for n in ("one", "two"))
    mcp, seen = FastMCP("t", on_duplicate="error"), {}
    discover(mcp, one, seen=seen)
    with pytest.raises(DiscoveryError, match=r"two\.py: the tool 'a' is defined in .*one\.py too"):
        discover(mcp, two, seen=seen)


def test_one_uri_twice_is_refused(package):
    """Resources are told apart by their URI, not by their function's name."""
    source = "from fastmcp.resources import resource\n" + "".join(
        f"@resource('x://same')\ndef r{n}() -> str:\n    return ''\n" for n in range(2)
    )
    assert "the resource 'x://same' is defined twice" in refusal(package({"r.py": source}))


def test_equal_names_of_different_kinds_or_versions_are_fine(package):
    """A prompt may be called as a tool is; versions are FastMCP's way to offer several."""
    source = (
        TOOL.format(name="a")
        + "from fastmcp.prompts import prompt\n@prompt(name='a')\ndef p() -> str:\n    return ''\n"
        + "@tool(name='v', version='1')\ndef v1() -> str:\n    return ''\n"
        + "@tool(name='v', version='2')\ndef v2() -> str:\n    return ''\n"
    )
    assert found(package({"a.py": source})) == ["a", "a", "v", "v"]


@pytest.mark.parametrize("place", ["", "deep/"])
def test_a_folder_without_init_is_refused_with_the_command_that_makes_one(package, place):
    """Its modules would be top-level ones, and could shadow the standard library's."""
    made = package({f"{place}wave.py": ""}, init=bool(place))
    message = refusal(made)
    assert "wave.py but no __init__.py" in message
    assert re.search(rf"Next: touch \S*{made}/{place}__init__\.py$", message)


def test_a_folder_of_data_needs_no_init(package):
    """Only Python files make it a package."""
    made = package({"a.py": TOOL.format(name="a"), "data/table.csv": "1,2\n"})
    assert found(made) == ["a"]


@pytest.mark.parametrize(("file", "better"), [("my-tool.py", "my_tool.py"), ("2nd.py", "")])
def test_a_file_name_that_python_cannot_import_is_refused(package, file, better):
    """It would otherwise be left out in silence."""
    message = refusal(package({file: ""}))
    assert f"{file} cannot be imported" in message
    assert better in message


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


def test_a_second_name_for_one_tool_in_a_module_is_not_a_second_tool(package):
    """`alias = tool` is no mistake."""
    assert found(package({"a.py": TOOL.format(name="a") + "again = a\n"})) == ["a"]


def test_a_component_object_is_served_once_however_often_it_is_imported(package):
    """Objects do not know their module; the object itself is told apart."""
    one = "from fastmcp.tools import Tool\ndef f() -> str:\n    return ''\nA = Tool.from_function(f)\n"
    assert found(package({"one.py": one, "two.py": "from .one import A\n"})) == ["f"]


def test_a_signature_that_cannot_be_served_is_named(package):
    """FastMCP refuses **kwargs; the file and the reason are told."""
    source = "from fastmcp.tools import tool\n@tool\ndef a(**kw) -> str:\n    return ''\n"
    message = refusal(package({"a.py": source}))
    assert "a.py" in message
    assert "kwargs" in message.lower()


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


def test_mcp_tools_refuses_a_name_that_is_not_there(package):
    """A misspelt one would leave a replica without its tools."""
    made = package({"sales.py": TOOL.format(name="a"), "files.py": TOOL.format(name="b")})
    message = refusal(made, only=("sale",))
    assert message == f"MCP_TOOLS names 'sale', but {made} has only: files, sales."


def test_a_missing_or_empty_package_serves_nothing(package):
    """The example tools may be deleted, folder and all."""
    assert found("no_such_package") == []
    assert found("server.no_such_folder") == []
    assert found("no_such_parent.tools") == []
    assert found(package({})) == []


def test_the_order_is_the_same_in_every_process(package):
    """Clients cache lists, and replicas must agree: no set or hash decides."""
    files = {f"m{n}.py": TOOL.format(name=f"t{n}") for n in range(8)}
    made = package({**files, "z/__init__.py": "", "z/a.py": TOOL.format(name="t9")})
    code = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(sys.path[0])!r}]\n"
        "from fastmcp import FastMCP; from server.core.discovery import discover\n"
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
