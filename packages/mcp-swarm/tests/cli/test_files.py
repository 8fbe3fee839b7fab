"""`python -m server files`: files beside the library are those of its version, and edits are kept."""

from pathlib import Path

import pytest

from lab.replica import ROOT
from mcp_swarm import __version__
from mcp_swarm.cli import files
from mcp_swarm.cli.main import main
from mcp_swarm.errors import EXIT_FINDINGS, EXIT_FINE, EXIT_USAGE, StartError

BALANCER, STACK, GONE = "deploy/haproxy.cfg", "stack.yml", "deploy/gone.yml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A service with the files of an old version."""
    made = tmp_path / "service"
    (made / "deploy").mkdir(parents=True)
    for name in (BALANCER, STACK, GONE):
        (made / name).write_text(f"{name}, old\n")
    files.write_stamp(made, files.hashes(made))
    return made


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """The files of this version: the balancer's is changed, one is new, one is gone."""
    made = tmp_path / "shipped"
    (made / "deploy").mkdir(parents=True)
    (made / BALANCER).write_text("new\n")
    (made / STACK).write_text(f"{STACK}, old\n")
    (made / "program.py").write_text("new\n")
    (made / "program.py").chmod(0o755)
    return made


def test_what_another_version_wrote_is_listed_and_written(folder, shipped, capsys):
    """Changed, added, deleted; afterwards nothing differs."""
    assert files.run(folder, shipped=shipped) == EXIT_FINDINGS
    listed = [line.split() for line in capsys.readouterr().out.splitlines()[:3]]
    assert listed == [["outdated", GONE], ["outdated", BALANCER], ["missing", "program.py"]]
    assert files.run(folder, write=True, shipped=shipped) == EXIT_FINE
    assert (folder / BALANCER).read_text() == "new\n"
    assert (folder / "program.py").stat().st_mode & 0o100
    assert not (folder / GONE).exists()
    capsys.readouterr()
    assert files.run(folder, shipped=shipped) == EXIT_FINE
    assert capsys.readouterr().out == f"The files here are those of mcp-swarm {__version__}.\n"


def test_an_edit_that_this_version_does_not_touch_is_kept(folder, shipped, capsys):
    """At this write and at the next."""
    (folder / STACK).write_text("edited\n")
    for _ in range(2):
        assert files.run(folder, write=True, shipped=shipped) == EXIT_FINE
        assert f"edited     {STACK}" in capsys.readouterr().out
        assert (folder / STACK).read_text() == "edited\n"


def test_an_edit_that_this_version_would_overwrite_stops_the_write(folder, shipped, capsys):
    """Nothing is written, and the file is named; `--force` overwrites it."""
    (folder / BALANCER).write_text("edited\n")
    assert files.run(folder, write=True, shipped=shipped) == EXIT_FINDINGS
    assert f"conflict   {BALANCER}" in capsys.readouterr().out
    assert (folder / GONE).exists()
    assert not (folder / "program.py").exists()
    assert files.run(folder, write=True, force=True, shipped=shipped) == EXIT_FINE
    assert (folder / BALANCER).read_text() == "new\n"


def test_without_a_stamp_any_difference_may_be_an_edit(folder, shipped, capsys):
    """A file that nobody has recorded is not overwritten."""
    (folder / files.STAMP).unlink()
    assert files.run(folder, write=True, shipped=shipped) == EXIT_FINDINGS
    assert f"conflict   {BALANCER}" in capsys.readouterr().out
    assert (folder / GONE).exists()


def test_a_library_without_files_says_how_to_get_one(tmp_path):
    """As one that was built from its own folder alone."""
    with pytest.raises(StartError, match="Next: install a wheel"):
        files.run(tmp_path, shipped=tmp_path / "none")


def test_the_projects_own_files_are_the_originals(capsys):
    """There is nothing to compare them with."""
    assert files.run(ROOT, write=True) == EXIT_FINE
    assert f"The files here are the originals of mcp-swarm {__version__}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--write"], ["jobs", "--write"], ["files", "--force"]])
def test_an_option_of_files_goes_with_nothing_else(words, capsys):
    """It is wrong usage, and says how it goes."""
    with pytest.raises(SystemExit) as stopped:
        main(words, "server")
    assert stopped.value.code == EXIT_USAGE
    assert "files --write" in capsys.readouterr().err


@pytest.mark.processes
@pytest.mark.parametrize(("version", "warnings"), [("0.0.9", 1), (__version__, 0), ("", 0)])
def test_a_replica_deployed_by_files_of_another_version_warns_once(replica, version, warnings):
    """Both versions, and the next step; not where the files are its own, or there are none."""
    made = replica(MCP_FILES_VERSION=version)
    said = [line for line in made.log.splitlines() if "the deployed files" in line]
    assert len(said) == warnings
    for line in said:
        assert "WARNING" in line
        assert f"belong to mcp-swarm 0.0.9, but the library is {__version__}. Next: " in line
        assert "python -m server files --write" in line
