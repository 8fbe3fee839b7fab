"""A feature is new files and at most five changed ones, as docs/architecture.md shows."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.copy.make import ROOT, copy_files
from lab.feature.edits import EDITS, Edit

NEW = Path(__file__).parent / "files"
QUOTA = "packages/mcp-swarm/src/mcp_swarm/calls/quota.py"
PYTHON_PATH = "packages/mcp-swarm/src:packages/mcp-swarm-load/src"

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]


@pytest.fixture
def tree(tmp_path):
    """The project with the feature."""
    folder = tmp_path / "project"
    copy_files(ROOT, folder, ".")
    shutil.copytree(NEW, folder, dirs_exist_ok=True)
    for edit in EDITS:
        apply(folder, edit)
    return folder


def apply(folder, edit: Edit):
    """Puts the lines in; the place has to be there once."""
    path = folder / edit.file
    text = path.read_text()
    assert text.count(edit.after) == 1, f"{edit.file} has not once: {edit.after!r}"
    path.write_text(text.replace(edit.after, edit.after + edit.lines))


def run(folder, *command):
    """The exit code and what was said; imports are from `folder`."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "PYTHONPATH": PYTHON_PATH,
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def pytest_in(folder, *tests):
    return run(folder, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)


def test_at_most_five_files_change_and_everything_holds(tree):
    """Its tests, the floors, types, lint, the rules of the house, and the generated pages."""
    assert len({edit.file for edit in EDITS}) <= 5
    pages = ("docs/settings.md", "docs/upgrade.md")
    for command in (
        ("lint-imports",),
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        (sys.executable, "-m", "lab.docs.generate", *pages),
    ):
        code, said = run(tree, *command)
        assert code == 0, f"{command}\n{said}"
    assert (
        "| `MCP_CALL_QUOTA` | none | Maximum calls of one caller"
        in (tree / "docs/settings.md").read_text()
    )
    tests = [
        "lab/house/test_architecture.py",
        "lab/house/test_glossary.py",
        "lab/docs/test_docs.py::test_generated_parts_of_a_page_are_fresh",
    ]
    code, said = pytest_in(tree, "packages/mcp-swarm/tests/calls/test_quota.py", *tests)
    assert code == 0, said


def test_a_feature_that_imports_upwards_is_refused(tree):
    """The control of the floors."""
    quota = tree / QUOTA
    quota.write_text(
        quota.read_text().replace("import time\n", "import time\n\nimport mcp_swarm.build\n", 1)
    )
    code, said = run(tree, "lint-imports")
    assert code != 0
    assert "mcp_swarm.calls.quota -> mcp_swarm.build" in said


def test_a_feature_that_counts_in_its_own_process_fails_its_test(tree):
    """The control of the test: two replicas then have two quotas."""
    quota = tree / QUOTA
    text = quota.read_text()
    quota.write_text(
        text.replace("await self._store.redis.incr(key)", "await self._local(key)")
        + (
            "\n    async def _local(self, key: str) -> int:\n"
            "        self._counts = getattr(self, '_counts', 0) + 1\n"
            "        return self._counts\n"
        )
    )
    test = "packages/mcp-swarm/tests/calls/test_quota.py::test_all_replicas_count_together"
    code, said = pytest_in(tree, test)
    assert code == 1, said
