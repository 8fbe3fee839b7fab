"""What the trial of newest versions reports, shown with pytest's own reports."""

import sys

import pytest

from lab.newest.environment import moves
from lab.newest.outcome import failures

MOVED = """
import fastmcp

def test_fastmcp_has():
    assert hasattr(fastmcp, "_gone"), "fastmcp._gone has moved"
"""
NOT_IMPORTED = "from fastmcp.server.context import _gone_too"
HOLDS = "def test_it_holds(): pass"


@pytest.fixture
def tried(tmp_path):
    """Runs a test file with these lines, in a process of its own."""

    def run(source):
        (tmp_path / "test_seams.py").write_text(source)
        return failures(sys.executable, tmp_path, ("test_seams.py",))

    return run


@pytest.mark.processes
def test_a_failure_is_reported_with_the_private_name_that_has_moved(tried):
    [line] = tried(MOVED)
    assert line.startswith("fastmcp._gone: AssertionError: fastmcp._gone has moved")
    assert "test_seams.test_fastmcp_has" in line


@pytest.mark.processes
def test_a_name_that_cannot_be_imported_is_reported_too(tried):
    """Then not one test of the file runs."""
    [line] = tried(NOT_IMPORTED)
    assert line.startswith("_gone_too: ImportError: cannot import name '_gone_too'")


@pytest.mark.processes
def test_nothing_is_reported_where_everything_holds(tried):
    """The control."""
    assert tried(HOLDS) == []


@pytest.mark.processes
def test_tests_that_were_not_found_are_no_success(tried):
    """Else a folder that was renamed would hold for ever."""
    with pytest.raises(RuntimeError, match="pytest: exit"):
        tried("")


def test_a_move_names_both_versions():
    """Also of a package that comes along."""
    found = moves({"a": "1", "b": "1", "gone": "1"}, {"a": "2", "b": "1", "new": "3"})
    assert found == ["a 1 → 2", "new not there → 3"]
