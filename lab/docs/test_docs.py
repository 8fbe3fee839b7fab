"""The documentation says what the code says."""

import re
import subprocess
from pathlib import Path

import pytest

from lab.docs import generate, transcript
from lab.foreign import clients

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "TODO.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]


@pytest.mark.parametrize("page", generate.STATIC)
def test_generated_parts_of_a_page_are_fresh(page: str) -> None:
    """`python -m lab.docs.generate` would change nothing."""
    assert generate.rendered(page, generate.STATIC[page]) == (ROOT / page).read_text()


@pytest.mark.processes
@pytest.mark.timeout(240)
def test_the_readmes_transcript_is_what_its_commands_print() -> None:
    """The commands are run again; figures may differ, words may not."""
    written = next(
        text
        for _, name, text, _ in generate.MARK.findall((ROOT / "README.md").read_text())
        if name == "readme"
    )

    assert transcript.without_figures(written.strip()) == transcript.without_figures(
        transcript.record()
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Relative links of the pages name files that are there."""
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())

    missing = [x for x in links if "://" not in x and not (page.parent / x).exists()]

    assert missing == []


def anchors(page: Path) -> set[str]:
    """What a link into `page` may name: its headings as GitHub writes them, and its own marks."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    headings = (line.strip("# `").lower() for line in re.findall(r"^#+ .+", text, re.MULTILINE))
    written = {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}
    return written | set(re.findall(r'<a id="([^"]+)"', text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_into_a_page_finds_its_heading(page: Path) -> None:
    """The part after ``#`` of relative links is there too."""
    links = re.findall(r"\]\((?!\w+://)([^)#\s]*)#([^)\s]+)\)", page.read_text())

    missing = [
        f"{to}#{part}"
        for to, part in links
        if part not in anchors(page.parent / to if to else page)
    ]

    assert missing == []


def test_the_page_of_capabilities_names_each_client_that_is_run() -> None:
    """With the protocol that it speaks."""
    section = (ROOT / "docs" / "capabilities.md").read_text().partition("## Clients\n")[2]
    named = re.findall(r"^\| ([^|]+) \|", section.partition("\n## ")[0], re.MULTILINE)

    assert set(clients.CLIENTS) - set(named) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_named_path_of_the_project_exists(page: Path) -> None:
    """Paths in backticks that begin with one of our folders are real."""
    paths = re.findall(r"`((?:server|tests|docs|deploy|packages|lab)/[\w./-]+)`", page.read_text())
    invented = {
        "server/tools/weather.py",
        "deploy/own.yml",
        "deploy/files.json",
        "server/discover",
    }  # the reader's own; a method of MCP
    roots = (ROOT, ROOT / "lab" / "copy" / "project")  # the latter is what a copy's owner adds

    missing = [p for p in paths if not any((root / p).exists() for root in roots)]
    assert set(missing) <= invented


def test_each_claim_of_the_roadmap_names_what_shows_it() -> None:
    """A command, or a test; that paths and verbs exist is the next tests' subject."""
    table = (ROOT / "TODO.md").read_text().partition("## Works\n")[2].partition("\n## ")[0]
    rows = [row.strip("| ").split(" | ") for row in table.splitlines() if row.startswith("| ")][1:]
    shown = re.compile(r"`(make|pytest|docker|python|lab/|packages/)")

    assert [row for row in rows if len(row) != 2 or not shown.search(row[1])] == []
    assert len(rows) > 20


def test_every_make_verb_in_the_pages_exists() -> None:
    """What a page tells you to type, make knows."""
    a_copys, ours = (
        re.findall(r"^([a-z-]+):.*##", path.read_text(), re.MULTILINE)
        for path in (ROOT / "Makefile", ROOT / "lab" / "Makefile")
    )
    verbs = {*a_copys, *ours}
    named = {v for page in PAGES for v in re.findall(r"(?:`|\$ )make ([a-z-]+)", page.read_text())}

    assert named - verbs == set()
    assert len(a_copys) <= 7  # a service's owner knows them by heart
    assert len(verbs) <= 12


def test_the_changelog_knows_the_version() -> None:
    """One version: the package's, the server's, the changelog's, the image's, the files'."""
    from mcp_swarm import __version__

    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text()
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
    assert f"mcp-swarm:{__version__}" in (ROOT / "stack.yml").read_text()
    assert f"\nMCP_FILES_VERSION={__version__}\n" in (ROOT / "deploy/version.env").read_text()


@pytest.mark.processes
def test_no_file_names_this_machine_or_a_registry() -> None:
    """Committed text speaks of the project alone; uv.lock's addresses are its format's."""
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    here = str(ROOT)

    found = []
    for name in files:
        path = ROOT / name
        if name == "uv.lock" or not path.is_file():
            continue
        text = path.read_text(errors="ignore")
        if here != "/app" and f"{here}/" in text:
            found.append(name)

    assert found == []
