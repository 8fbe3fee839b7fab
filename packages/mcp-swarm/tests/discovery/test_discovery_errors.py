"""Discovery: what cannot be served stops the start with file, reason and next step."""

import re

import pytest
from fastmcp import FastMCP

from lab.discovery_helpers import TOOL, refusal
from mcp_swarm.discovery import chosen, discover
from mcp_swarm.errors import DiscoveryError


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


@pytest.mark.parametrize("place", ["", "deep/"])
def test_a_folder_without_init_is_refused_with_the_command_that_makes_one(package, place):
    """Its modules would be top-level ones, and could shadow the standard library's."""
    made = package({f"{place}wave.py": ""}, init=bool(place))
    message = refusal(made)
    assert "wave.py but no __init__.py" in message
    assert re.search(rf"Next: touch \S*{made}/{place}__init__\.py$", message)


@pytest.mark.parametrize(("file", "better"), [("my-tool.py", "my_tool.py"), ("2nd.py", "")])
def test_a_file_name_that_python_cannot_import_is_refused(package, file, better):
    """It would otherwise be left out in silence."""
    message = refusal(package({file: ""}))
    assert f"{file} cannot be imported" in message
    assert better in message


def test_a_signature_that_cannot_be_served_is_named(package):
    """FastMCP refuses **kwargs; the file and the reason are told."""
    source = "from fastmcp.tools import tool\n@tool\ndef a(**kw) -> str:\n    return ''\n"
    message = refusal(package({"a.py": source}))
    assert "a.py" in message
    assert "kwargs" in message.lower()


def test_mcp_tools_refuses_a_name_that_is_not_there(package):
    """A misspelt one would leave a replica without its tools."""
    made = package({"sales.py": TOOL.format(name="a"), "files.py": TOOL.format(name="b")})
    with pytest.raises(DiscoveryError) as caught:
        chosen([made], ("sale",))
    assert str(caught.value) == f"MCP_TOOLS names 'sale', but {made} has only: files, sales."
