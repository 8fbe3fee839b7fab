"""`make test-fast` leaves out what starts processes: conftest.py marks it, and lets nothing else start one."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.processes

STARTS = {
    "subprocess": "import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])",
    "asyncio": (
        "import asyncio, sys\nasyncio.run(asyncio.create_subprocess_exec(sys.executable, '-c', ''))"
    ),
    "multiprocessing": "import multiprocessing as m\nm.Process(target=print).start()",
    "forkserver": "import multiprocessing as m\nm.get_context('forkserver').Process(target=print).start()",
    "pool": (
        "from concurrent.futures import ProcessPoolExecutor\n"
        "with ProcessPoolExecutor(1) as pool: pool.submit(int).result()"
    ),
    "replica": "from pathlib import Path\nfrom lab import replica\nreplica.start(Path('unused'))",
}


def ran(folder: Path, source: str, *options: str) -> subprocess.CompletedProcess[str]:
    """What pytest says of a test file with this source, under the project's conftest.py."""
    (folder / "test_made.py").write_text(source)
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "conftest"),
            *("-p", "lab.fixtures", "-c", str(ROOT / "pyproject.toml"), *options, str(folder)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_test_that_starts_a_process_must_be_marked(tmp_path):
    """However it does so; in every run, so that nobody finds out by `make test-fast` alone."""
    functions = [
        f"def test_{name}():\n    " + source.replace("\n", "\n    ")
        for name, source in STARTS.items()
    ]
    found = ran(tmp_path, "\n\n".join(functions))
    assert f"{len(STARTS)} failed" in found.stdout, found.stdout
    assert found.stdout.count("This test starts a process. Next:") >= len(STARTS)


def test_a_marked_test_may_start_one(tmp_path):
    """The control."""
    source = f"import pytest\n@pytest.mark.processes\ndef test():\n    {STARTS['subprocess']}"
    found = ran(tmp_path, source.replace("\nsub", "\n    sub"))
    assert "1 passed" in found.stdout, found.stdout


def test_what_is_shared_may_start_one_to_end(tmp_path):
    """As PostgreSQL does; it ends after the last test of the run, whichever that is."""
    source = f"""
import pytest
@pytest.fixture(scope="session")
def database():
    yield
    {STARTS["subprocess"].replace(chr(10), chr(10) + "    ")}
@pytest.mark.processes
def test_a(database): pass
def test_b(): pass
"""
    found = ran(tmp_path, source, "-p", "no:randomly")
    assert "2 passed" in found.stdout and "error" not in found.stdout, found.stdout


def test_a_test_with_a_fixture_that_starts_one_is_marked(tmp_path):
    """Also with one that uses such a fixture, as `service` uses `replica`."""
    fixtures = ("replica", "shared_replica", "service", "valkey", "shared", "postgres")
    source = "".join(f"def test_with_{name}({name}): pass\n\n" for name in fixtures)
    found = ran(tmp_path, source + "def test(): pass", "--collect-only", "-m", "not processes")
    assert "1/7 tests collected" in found.stdout, found.stdout
