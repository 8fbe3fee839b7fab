"""The shape of the code: which file may import which, how long it may be, what is loaded.

Lists named EXEMPT only ever get shorter: an entry that is no longer needed fails too.
"""

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from server import core as facade

ROOT = Path(__file__).parents[1]
FOLDERS = ("server", "packages", "deploy", "tests")
LOAD = "packages/mcp-swarm-load"
PACKAGE_ROOT = re.compile(r"packages/[^/]+/(src/)?")

BASE_NAMES = (
    *("errors", "store", "metrics", "logs", "framework", "health", "problem", "identity"),
    *("isolation", "resilience.process_pool"),
)
# What any file in core/ may import of ours; they meet in mcp_app.py and server.py.
BASE = {f"server.core.{name}" for name in BASE_NAMES}

EXEMPT_IMPORTS: set[tuple[str, str]] = set()
EXEMPT_FILES: set[str] = set()
EXEMPT_FUNCTIONS: set[str] = set()
EXEMPT_FOLDERS = {"tests/prove", "tests/swarm"}
MOST_IN_A_FOLDER = 15

MAX_FILE, MAX_FUNCTION = 300, 50


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
        listed = [str(p.relative_to(ROOT)) for f in FOLDERS for p in (ROOT / f).rglob("*.py")]
    found = [ROOT / path for path in listed if "node_modules" not in path]
    return [p for p in found if p.exists() and p.relative_to(ROOT).parts[0] in folders]


def module_name(path: Path) -> str:
    """The name under which it is imported; a package's files are found below its `src`."""
    inside = PACKAGE_ROOT.sub("", path.relative_to(ROOT).with_suffix("").as_posix())
    return inside.replace("/", ".").removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """Dotted names of all that `path` imports, wherever in it; `from a import b` gives a and a.b."""
    own = module_name(path)
    package = own if path.name == "__init__.py" else own.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            start = ".".join([*above, node.module or ""]).strip(".") if node.level else node.module
            yield str(start)
            if start != "server.core" or own.startswith("server.core"):
                yield from (f"{start}.{alias.name}" for alias in node.names)
            else:  # what the facade lists is imported from the facade, not from where it lies
                names = {alias.name for alias in node.names} - set(facade.__all__)
                yield from (f"{start}.{name}" for name in names)


def modules_imported(path: Path) -> set[str]:
    """The modules of ours among them: names that are attributes of a module are left out."""
    known = {module_name(p) for p in sources(*FOLDERS)}
    return {name for name in imports(path) if name in known}


def in_folder(name: str, folder: str) -> bool:
    return name == folder or name.startswith(f"{folder}.")


def is_base(name: str) -> bool:
    """Whether it is one of BASE, or a file of one that is a folder."""
    return any(in_folder(name, base) for base in BASE)


def may_import(importer: str, imported: str) -> bool:
    """The directions: __main__ → server.py → mcp_app.py → core → config → nothing of ours."""
    if in_folder(importer, "server.core"):
        part = ".".join(importer.split(".")[:5])  # the files of a package in a group are one part
        if len(part.split(".")) == 5:
            part = part.rpartition(".")[0]
        if importer == "server.core":  # the facade
            return imported == "server.config" or in_folder(imported, "server.core")
        if in_folder(imported, part) or is_base(imported) or imported == "server.core":
            own = in_folder(imported, importer)
            return importer not in BASE or own or imported == "server.core.errors"
        return imported in {"server", "server.config"}
    if in_folder(importer, "server.config"):
        own = in_folder(imported, "server.config")
        return own or imported in {"server", "server.core", "server.core.errors"}
    for folder in ("server.tools", "server.resources", "server.prompts"):
        if in_folder(importer, folder):
            return imported in {"server", "server.core"} or in_folder(imported, folder)
    order = [
        f"server.{name}"
        for name in ("config", "core", "mcp_app", "server", "worker", "tasks", "__main__")
    ]
    rank = {name: number for number, name in enumerate(order)}
    if importer in rank:
        below = "server.core" if in_folder(imported, "server.core") else imported
        return imported == "server" or rank.get(below, 99) < rank[importer]
    return importer == "server" and imported == "server"


def broken(folder: str) -> set[tuple[str, str]]:
    """Imports in `folder` that go against the directions."""
    found = set()
    for path in sources(folder):
        importer = module_name(path)
        for imported in modules_imported(path):
            if not in_folder(imported, "server") or (
                importer != imported and not may_import(importer, imported)
            ):
                found.add((importer, imported))
    return found


def test_imports_in_the_server_point_one_way():
    """Base at the bottom, core files meeting above it, tools on the facade alone."""
    assert broken("server") == EXEMPT_IMPORTS


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("server.core.edge.auth", "server.config", True),
        ("server.core.edge.auth", "server.core.errors", True),
        ("server.core.edge.auth", "server.core.store.jobs", True),
        ("server.core.edge.auth", "server.core.state.events", False),
        ("server.core.edge.auth", "server.core.edge.origin", False),
        ("server.core.edge.auth", "server.tools.sales", False),
        ("server.core.edge.auth", "server.mcp_app", False),
        ("server.core.errors", "server.core.logs", False),
        ("server.core.resilience.http.client", "server.core.resilience.http.gate", True),
        ("server.config", "server.core.edge.auth", False),
        ("server.tools.sales", "server.core", True),
        ("server.tools.sales", "server.core.resilience.database", False),
        ("server.tools.sales", "server.tools._sales_tables", True),
        ("server.tools.sales", "server.prompts.review", False),
        ("server.mcp_app", "server.server", False),
        ("server.server", "server.mcp_app", True),
    ],
)
def test_the_rule_itself(importer, imported, allowed):
    """The control: what must be refused is refused."""
    assert may_import(importer, imported) is allowed


def test_nothing_but_tests_imports_the_server():
    """The load tester is a black box; root scripts and deploy/ know the server by its URL."""
    paths = [*sources("packages", "deploy"), *ROOT.glob("*.py")]
    assert paths
    guilty = {p.name for p in paths for name in imports(p) if in_folder(name, "server")}
    assert guilty == set()


def test_nothing_imports_the_tests():
    """They may be left out of an image."""
    paths = [*sources("server", "packages", "deploy"), *ROOT.glob("*.py")]
    assert {p.name for p in paths for name in imports(p) if in_folder(name, "tests")} == set()


def test_files_are_short():
    """One noun a file, 300 lines at most."""
    lengths = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in sources(*FOLDERS)}
    assert {path for path, lines in lengths.items() if lines > MAX_FILE} == EXEMPT_FILES


def test_functions_are_short():
    """50 lines at most."""
    long = {
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in sources(*FOLDERS)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION
    }
    assert long == EXEMPT_FUNCTIONS


def test_core_stays_small():
    """A newcomer reads the file names at a glance."""
    for folder in ("core", "core/edge", "core/state", "core/resilience"):
        parts = {p.stem for p in (ROOT / "server" / folder).iterdir()} - {"__init__", "__pycache__"}
        assert 0 < len(parts) <= MOST_IN_A_FOLDER, folder


def test_folders_are_small():
    """15 Python files at most, `__init__.py` among them."""
    sizes = Counter(str(path.parent.relative_to(ROOT)) for path in sources(*FOLDERS))
    assert {name for name, size in sizes.items() if size > MOST_IN_A_FOLDER} == EXEMPT_FOLDERS


@pytest.mark.parametrize(
    ("tests", "code", "beside"),
    [
        ("tests/core", "server/core", set()),
        (f"{LOAD}/tests", f"{LOAD}/src/mcp_swarm_load", {"timing"}),
    ],
    ids=["core", "load"],
)
def test_tests_lie_where_their_code_does(tests, code, beside):
    """Each of their folders is one of the code's, but for what runs by itself."""
    folders = {str(p.parent.relative_to(ROOT / tests)) for p in (ROOT / tests).rglob("test_*.py")}
    assert {folder for folder in folders if not (ROOT / code / folder).is_dir()} == beside
    assert len(folders - beside) > 1


def test_no_file_has_a_name_that_says_nothing():
    """What is in `utils` belongs somewhere."""
    banned = {"utils", "util", "helpers", "helper", "manager", "managers", "base", "common", "misc"}
    assert {str(p) for p in sources(*FOLDERS) if p.stem in banned} == set()


BUILD = """
import json, sys
{first}
names = {names}
print(json.dumps([name for name in names if name in sys.modules]))
"""
OURS = """
from server.config import load
from server.server import build_app
from server.mcp_app import build_mcp
build_app(load(), build_mcp(load(), ()))
"""
# Each is needed only by what some setting or tool turns on.
OPTIONAL = [
    "sqlalchemy", "aiosqlite", "asyncpg", "redis", "key_value.aio.stores.redis", "jsonschema",
    "fastmcp_tasks", "docket", "cloudpickle", "server.core.resilience.database", "server.core.resilience.http",
    "server.core.resilience.sandbox", "server.core.resilience.schema", "server.core.drain",
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
    assert loaded_after(OURS, OPTIONAL + BROUGHT_ALONG) == BROUGHT_ALONG


def test_libraries_bring_those_along_without_us():
    """The control: not our imports. Once they stop, the list above shrinks."""
    theirs = "import fastmcp.server.server, pydantic_settings, uvicorn"
    assert loaded_after(theirs, BROUGHT_ALONG) == BROUGHT_ALONG
