"""The image's tag changes when what is in the image does, and not else."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.image import content_tag, is_remote

pytestmark = pytest.mark.processes


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project."""
    files = {
        "pyproject.toml": '[project]\nname = "x"\nversion = "1.2.3"\n',
        "uv.lock": "lock",
        "packages/mcp-swarm/src/mcp_swarm/serve.py": "0",
        "server/tools/one.py": "1",
        "README.md": "read",
        ".gitignore": "__pycache__/\n*.pyc\n*.db\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def git(tree: Path, *arguments: str) -> str:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"]
    order = ["git", "-C", str(tree), *who, *arguments]
    return subprocess.run(order, capture_output=True, text=True, check=True).stdout.strip()


def commit(tree: Path) -> str:
    git(tree, "init", "-q")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "x")
    return git(tree, "rev-parse", "HEAD")


def test_a_clean_tree_is_its_commit(tree: Path) -> None:
    """Who reads the tag can check it out."""
    head = commit(tree)
    assert content_tag(tree) == f"1.2.3-{head[:12]}"


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: (tree / "server/tools/one.py").write_text("2"),
        lambda tree: (tree / "server/tools/two.py").write_text("a new file"),
        lambda tree: (tree / "server/sample.db").write_text("one that Git ignores"),
        lambda tree: (tree / "server/tools/one.py").unlink(),
        lambda tree: (tree / "server/tools/one.py").chmod(0o755),
        lambda tree: (tree / "uv.lock").write_text("another"),
    ],
    ids=["edited", "added", "ignored", "deleted", "mode", "lock"],
)
@pytest.mark.parametrize("is_repository", [True, False], ids=["git", "no git"])
def test_every_change_of_the_image_is_a_new_tag(
    tree: Path, change: Callable[[Path], None], *, is_repository: bool
) -> None:
    """Committed or not; and the same content has the same tag again."""
    if is_repository:
        commit(tree)
    before = content_tag(tree)
    change(tree)
    assert content_tag(tree) == content_tag(tree) != before
    assert content_tag(tree).startswith(f"{before}-" if is_repository else "1.2.3-")


def test_two_dirty_trees_of_one_commit_differ(tree: Path) -> None:
    """Else the second edit would not be shipped."""
    commit(tree)
    tags = set()
    for content in ("2", "3"):
        (tree / "server/tools/one.py").write_text(content)
        tags.add(content_tag(tree))
    assert len(tags) == 2


def test_what_is_not_in_the_image_changes_nothing(tree: Path) -> None:
    """Neither bytecode nor a page of documentation restarts a replica, committed or not."""
    commit(tree)
    before = content_tag(tree)
    (tree / "server/__pycache__").mkdir()
    (tree / "server/__pycache__/one.pyc").write_text("x")
    (tree / "README.md").write_text("more")
    assert content_tag(tree) == before
    commit(tree)
    assert content_tag(tree) == before


def test_another_base_image_is_another_tag(tree: Path) -> None:
    """The tree may be the same."""
    commit(tree)
    assert len({content_tag(tree), content_tag(tree, "a@sha256:1"), content_tag(tree, "a@2")}) == 3


def test_a_registry_is_told_from_a_name() -> None:
    """What has one is pushed."""
    remote = ["registry.example.com/mcp:1", "localhost:5000/mcp:1", "localhost/mcp:1"]
    assert [name for name in [*remote, "mcp-swarm:1", "team/mcp:1"] if is_remote(name)] == remote
