"""The page tells what the runs found, and nothing where a run is missing."""

from pathlib import Path

import pytest

from lab.conformance import report
from lab.conformance.suite import Run, Scenario


def runs(results: Path, made: int = 1) -> None:
    """One saved run a way, the `made`th: two scenarios that count, one passed, and one that does not."""
    scenarios = [
        Scenario("good", None, {"SUCCESS": 2}, ()),
        Scenario("bad", None, {"SUCCESS": 1, "FAILURE": 1}, ("FAILURE bad-check: no\nanswer",)),
        Scenario("later", "extension", {"INFO": 1}, ()),
    ]
    for way in report.WAYS:
        run = Run(way[:10], 1, {s.name: s for s in scenarios}, "", made)
        report.save(way, run, results=results)


def test_the_page_counts_what_passed_and_names_what_failed(tmp_path: Path) -> None:
    """Each way has its counts, each scenario its marks, each complaint one line."""
    runs(tmp_path)
    page = report.render(tmp_path)
    for _, title in report.WAYS.values():
        assert f"| {title} | 1 of 2 | 0 of 1 |" in page
    assert "| good | yes | ✓ | ✓ |" in page
    assert "| bad | yes | ✗ | ✗ |" in page
    assert "| later | extension | n/a | n/a |" in page
    assert "- bad: FAILURE bad-check: no answer\n" in page


@pytest.mark.processes
def test_there_is_no_page_while_a_way_has_not_been_run(tmp_path: Path) -> None:
    """A page with a gap would look like a way that was never promised."""
    runs(tmp_path)
    (tmp_path / "2026-07-28-balanced.json").unlink()
    with pytest.raises(FileNotFoundError, match="2026-07-28-balanced"):
        report.render(tmp_path)


def test_a_second_run_is_told(tmp_path: Path) -> None:
    """Nobody shall take what passed in the second run for what passed in the first."""
    runs(tmp_path, made=2)
    page = report.render(tmp_path)
    for _, title in report.WAYS.values():
        assert f"| {title} (in the second run) | 1 of 2 | 0 of 1 |" in page
