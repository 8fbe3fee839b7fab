"""The form of a commit's subject: `scope: imperative`, at most 72 characters."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The last commit before the form was agreed on.
SINCE = "f766217"

FORM = re.compile(r"(?P<scope>[\w./-]+(, [\w./-]+)*): (?P<what>\S.*[^.\s])")
LONGEST = 72


def problem(subject: str) -> str:
    """What is wrong with `subject`; empty if nothing is."""
    if len(subject) > LONGEST:
        return f"{len(subject)} characters, at most {LONGEST}: {subject!r}"
    if not FORM.fullmatch(subject):
        return f"not of the form 'scope: imperative', without a full stop: {subject!r}"
    return ""


@pytest.mark.processes
def test_subjects_of_commits_have_the_agreed_form() -> None:
    """Every commit since the form was agreed on; merges are git's own words."""
    log = subprocess.run(
        ["git", "log", "--no-merges", "--format=%s", f"{SINCE}..HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if log.returncode:
        pytest.skip("not a clone with this project's history")

    assert [wrong for subject in log.stdout.splitlines() if (wrong := problem(subject))] == []


@pytest.mark.parametrize(
    ("subject", "good"),
    [
        ("haproxy: retry idempotent requests when a replica dies", True),
        ("sessions, jobs: own by tenant", True),
        ("Retries idempotent requests", False),
        ("haproxy: retry idempotent requests.", False),
        (f"haproxy: {'x' * 64}", False),
    ],
)
def test_the_form_tells_good_from_bad(subject: str, *, good: bool) -> None:
    """The control: a subject of another form is found."""
    assert (problem(subject) == "") is good
