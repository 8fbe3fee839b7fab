"""Words that docs/glossary.md has given up do not come back."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
# Where a word of the seed's is right.
OF_THE_SEED = {"docs/from-the-seed.md", "docs/glossary.md"}
# Pages that a run of the proofs or of the bench writes: a next run changes their words.
RECORDED = {"docs/proofs.md", "docs/performance.md"}
# Parts of other pages that come from those records.
RECORDED_PARTS = ("storm", "storm-of-processes", "overhead", "load-tester-speed")
# Files that still hold such a word. This list only gets shorter.
STILL: set[str] = set()
# Names of a library's, which is not ours to change.
THEIRS = ("most_common",)


def words() -> list[str]:
    """The left column of the last table, whose cells have forms between commas."""
    table = GLOSSARY.read_text().rpartition("| not | but |")[2]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| ")]
    return [form.strip() for cell in cells for form in cell.split(",")]


def files() -> list[Path]:
    """The library, the pages, and what is deployed."""
    patterns = ("packages/*/src/**/*.py", "server/**/*.py", "docs/*.md", "deploy/**/*", "*.md")
    found = [p for pattern in patterns for p in ROOT.glob(pattern) if p.is_file()]
    kinds = {".py", ".md", ".cfg", ".lua", ".sh", ".yml"}
    top = ("stack.yml", "docker-compose.yml", "service.env")
    return [*(ROOT / name for name in top), *(p for p in found if p.suffix in kinds)]


def held(path: Path, given_up: list[str]) -> list[str]:
    """Which of the words a file holds."""
    text = path.read_text()
    for part in RECORDED_PARTS:
        text = re.sub(rf"<!-- generated: {part} -->.*?<!-- end -->", "", text, flags=re.DOTALL)
    text = re.sub(r"\s+#?\s*", " ", text).lower()
    for name in THEIRS:
        text = text.replace(name, "")
    return [w for w in given_up if re.search(rf"\b{re.escape(w)}(?:\b|(?<=_))", text)]


def test_words_that_were_given_up_do_not_come_back():
    """In whatever line they are broken."""
    given_up = words()
    assert len(given_up) > 5
    found = {str(p.relative_to(ROOT)): held(p, given_up) for p in files()}
    found = {name: kept for name, kept in found.items() if kept}
    allowed = {"docs/glossary.md"} | RECORDED
    assert {n: w for n, w in found.items() if n not in allowed | STILL} == {}
    assert found.keys() >= STILL


@pytest.mark.parametrize("phrase", ["the seed", "the lesson"])
def test_one_page_alone_speaks_of_where_the_project_comes_from(phrase):
    """A reader of the others knows neither."""
    found = {str(p.relative_to(ROOT)) for p in files() if phrase in p.read_text().lower()}
    assert found - OF_THE_SEED - RECORDED == set()


def test_a_word_is_found_across_a_line_break(tmp_path):
    """The control."""
    (tmp_path / "a.py").write_text("# a sign of\n# life, and max_size\n")
    assert held(tmp_path / "a.py", words()) == ["sign of life"]
