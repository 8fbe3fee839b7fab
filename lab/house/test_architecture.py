"""The shape of the code: which part may import which, how long a file may be, what is loaded.

It judges the library and the lab, never `server/` and `tests/`, which are a service's own; there
it holds only that the examples use the library's public names.
"""

import ast
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import mcp_swarm

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
OURS = ("packages", "deploy", "lab")
LIBRARY = "packages/mcp-swarm"
LOAD = "packages/mcp-swarm-load"
MAX_FILE, MAX_FUNCTION, MAX_IN_FOLDER = 300, 50, 15
# Share of the library's functions that have at most 30 lines.
SHORT, SHARE_OF_SHORT = 30, 0.98
EXEMPT_FOLDERS = {"lab", "lab/prove", "lab/swarm"}


def sources(*folders: str) -> list[Path]:
    """Our Python files, without those that were installed or generated."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    if not listed:  # not a clone: an unpacked archive
        listed = [str(p.relative_to(ROOT)) for f in folders for p in (ROOT / f).rglob("*.py")]
    found = [ROOT / path for path in listed if "node_modules" not in path]
    return [p for p in found if p.exists() and str(p.relative_to(ROOT)).startswith(folders)]


def imports(path: Path) -> Iterator[str]:
    """Dotted names of all that `path` imports, wherever in it; `from a import b` gives a.b."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def lengths(*folders: str) -> dict[str, int]:
    """Lines of each function."""
    return {
        f"{path.relative_to(ROOT)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in sources(*folders)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    """What import-linter says of the contracts in pyproject.toml, with the library in `folder`."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_point_one_way():
    """The floors of the library, from the command line down to the errors: pyproject.toml."""
    found = contracts(ROOT / LIBRARY / "src")
    assert found.returncode == 0, found.stdout


def test_an_import_that_points_upwards_is_found(tmp_path):
    """The control."""
    copy = tmp_path / "mcp_swarm"
    for path in sources(f"{LIBRARY}/src"):
        target = tmp_path / path.relative_to(ROOT / LIBRARY / "src")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text())
    (copy / "errors.py").write_text("from mcp_swarm.redis import Store\n")
    found = contracts(tmp_path)
    assert found.returncode == 1
    assert "mcp_swarm.errors -> mcp_swarm.redis" in found.stdout


def test_examples_use_public_names_alone():
    """What the library's first page lists; the rest of it may change with any version."""
    public = {f"mcp_swarm.{name}" for name in mcp_swarm.__all__} | {"mcp_swarm.__version__"}
    used = {
        name
        for path in sources("server/examples")
        for name in imports(path)
        if name.startswith("mcp_swarm")
    }
    assert used <= public, used - public


@pytest.mark.parametrize("above", ["server", "lab", "tests"])
def test_no_package_imports_what_stands_on_it(above):
    """They are installed without them; root programs and deploy/ know the server by its URL."""
    paths = [*sources(f"{LIBRARY}/src", f"{LOAD}/src", "deploy"), *ROOT.glob("test_*.py")]
    assert {
        p.name for p in paths for name in imports(p) if name.partition(".")[0] == above
    } == set()


def test_files_are_short():
    """One noun a file."""
    long = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in sources(*OURS)}
    assert {path for path, lines in long.items() if lines > MAX_FILE} == set()


def test_functions_are_short():
    """And most of the library's much shorter."""
    assert {name for name, lines in lengths(*OURS).items() if lines > MAX_FUNCTION} == set()
    ours = lengths(f"{LIBRARY}/src").values()
    assert sum(lines <= SHORT for lines in ours) / len(ours) >= SHARE_OF_SHORT


def test_folders_are_small():
    """A newcomer reads the file names at a glance; `__init__.py` counts too."""
    sizes = Counter(str(path.parent.relative_to(ROOT)) for path in sources(*OURS))
    assert {name for name, size in sizes.items() if size > MAX_IN_FOLDER} == EXEMPT_FOLDERS


@pytest.mark.parametrize(
    ("tests", "code", "beside"),
    [
        (f"{LIBRARY}/tests", f"{LIBRARY}/src/mcp_swarm", {"discovery", "jobs/workers"}),
        (f"{LOAD}/tests", f"{LOAD}/src/mcp_swarm_load", {"timing"}),
    ],
)
def test_tests_lie_where_their_code_does(tests, code, beside):
    """Each of their folders is one of the code's, but for what is named here."""
    folders = {str(p.parent.relative_to(ROOT / tests)) for p in (ROOT / tests).rglob("test_*.py")}
    assert {folder for folder in folders if not (ROOT / code / folder).is_dir()} == beside
    assert len(folders - beside) > 1


def test_no_file_has_a_name_that_says_nothing():
    """What is in `utils` belongs somewhere."""
    banned = {"utils", "util", "helpers", "helper", "manager", "managers", "base", "common", "misc"}
    assert {str(p) for p in sources(*OURS) if p.stem in banned} == set()


BUILD = """
import json, sys
{first}
names = {names}
print(json.dumps([name for name in names if name in sys.modules]))
"""
SERVE = """
from mcp_swarm.config import load
from mcp_swarm.serve import build_app
from mcp_swarm.build import build_mcp
build_app(load(), build_mcp(load(), ()))
"""
# Each is needed only by what some setting or tool turns on.
OPTIONAL = [
    "sqlalchemy", "aiosqlite", "asyncpg", "redis", "key_value.aio.stores.redis", "jsonschema",
    "fastmcp_tasks", "docket", "cloudpickle", "mcp_swarm.database", "mcp_swarm.http",
    "mcp_swarm.sandbox", "mcp_swarm.schema", "mcp_swarm.process.drain",
]  # fmt: skip
# Libraries bring these along: pydantic-settings and uvicorn import yaml, FastMCP imports httpx2.
BROUGHT_ALONG = ["httpx2", "yaml"]


def loaded_after(first: str, names: list[str]) -> list[str]:
    """Which of `names` a process has imported once it has run `first`."""
    code = BUILD.format(first=first, names=names)
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={}, capture_output=True, text=True, check=True
    )
    found: list[str] = json.loads(ran.stdout)
    return found


def test_what_is_not_configured_is_not_imported():
    """The app at default settings, with nothing dropped in."""
    assert loaded_after(SERVE, OPTIONAL + BROUGHT_ALONG) == BROUGHT_ALONG


def test_libraries_bring_those_along_without_us():
    """The control: not our imports. Once they stop, the list above shrinks."""
    theirs = "import fastmcp.server.server, pydantic_settings, uvicorn"
    assert loaded_after(theirs, BROUGHT_ALONG) == BROUGHT_ALONG
