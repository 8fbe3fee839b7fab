"""The file tools, and the folder that neither they nor the search of logs ever leave."""

import hashlib
import os
import socket
from pathlib import Path

import pytest

files = pytest.importorskip("server.examples.tools.files")
logs = pytest.importorskip("server.examples.tools.logs")
file_operations = pytest.importorskip("server.examples.tools._text.file_operations")

from fastmcp.exceptions import ToolError

from lab.examples.samples import require_samples

pytestmark = pytest.mark.processes

OUTSIDE = [
    "../secret.txt",
    "a/../../secret.txt",
    "a/b/../../../secret.txt",
    "./../secret.txt",
    "a/./../../secret.txt",
    "..",
    "../",
    "a/..",
    "/etc/passwd",
    "//etc/passwd",
    "/proc/self/environ",
    "..\\secret.txt",
    "a\\..\\..\\secret.txt",
    "C:\\Windows\\win.ini",
    "C:/Windows/win.ini",
    "c:secret.txt",
    "\\\\server\\share\\file",
    "a.txt\x00",
    "\x00",
    "../secret.txt\x00.log",
    "a/" * 600 + "a.txt",
]
# Spellings that some layers decode; here they are names like any other, of files not there.
ABSENT = [
    "%2e%2e/secret.txt",
    "..%2fsecret.txt",
    "%2e%2e%2fsecret.txt",
    "..%c0%afsecret.txt",
    "\uff0e\uff0e/secret.txt",
    "..\uff0fsecret.txt",
    "\u2024\u2024/secret.txt",
    ".../secret.txt",
    "....//secret.txt",
    ".. /secret.txt",
    "~/secret.txt",
    "~root/.profile",
    "etc/passwd",
    "$HOME/secret.txt",
    ". ./secret.txt",
    "\ud800.txt",
]


@pytest.fixture
def tree(root: Path) -> Path:
    (root / "a" / "b").mkdir(parents=True)
    (root / "a.txt").write_text("one two\nthree\n")
    (root / "a" / "deep.txt").write_text("deep")
    return root


@pytest.mark.parametrize("path", OUTSIDE)
async def test_no_path_leads_outside(tree, path):
    """Upwards, absolute, of Windows, with NUL, too long: each is refused, by every tool."""
    for call in (
        files.process_file(path, "head"),
        files.list_directory(path),
        logs.search_logs(path),
    ):
        with pytest.raises(ToolError) as refused:
            await call
        reported = str(refused.value)
        assert "SECRET" not in reported
        # Refused as a path, not because nothing of that name happens to be inside.
        assert "does not exist" not in reported


@pytest.mark.parametrize("path", ABSENT)
async def test_no_spelling_is_decoded_into_a_way_out(tree, path):
    """Encoded and look-alike dots and slashes are plain names; no such file is there."""
    with pytest.raises(ToolError, match=r"does not exist|cannot be a file's name"):
        await files.process_file(path, "head")


async def test_links_are_not_followed_at_any_place(tree):
    """A link as the file, as a folder on the way, or to inside: each is named and refused."""
    (tree / "file-link").symlink_to(tree.parent / "secret.txt")
    (tree / "folder-link").symlink_to(tree.parent)
    (tree / "inner-link").symlink_to("a.txt")
    (tree / "dangling").symlink_to("nowhere")

    for path in ("file-link", "folder-link/secret.txt", "inner-link", "dangling"):
        with pytest.raises(ToolError, match=f"link '{path.split('/')[0]}'"):
            await files.process_file(path, "head")
    with pytest.raises(ToolError, match="link 'folder-link'"):
        await files.list_directory("folder-link")


async def test_special_files_are_refused_without_waiting(tree):
    """A named pipe, a socket and a folder are no files; opening the pipe does not hang."""
    os.mkfifo(tree / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tree / "socket"))

        for path in ("pipe", "socket", "a"):
            with pytest.raises(ToolError, match="not a regular file"):
                await files.process_file(path, "sha256")
    with pytest.raises(ToolError, match=r"'a.txt' in 'a.txt/x' is a file, not a folder"):
        await files.process_file("a.txt/x", "head")


async def test_a_file_that_is_too_large_is_refused_with_its_size(tree):
    """The error names the size, the limit, and what to do."""
    with (tree / "large.bin").open("wb") as file:
        file.truncate(file_operations.MAX_FILE_BYTES + 1)

    with pytest.raises(ToolError, match=r"10,000,001 bytes; at most 10,000,000.*search_logs"):
        await files.process_file("large.bin", "sha256")


async def test_configurations_are_not_shown_as_they_are(tree):
    """Files of deployments hold secrets: read_config hides them, so this way is closed."""
    (tree / "deployments").mkdir()
    (tree / "deployments" / "x.yaml").write_text("password: SECRET")

    for path in ("deployments/x.yaml", "./deployments//x.yaml"):
        with pytest.raises(ToolError, match="cannot be read directly"):
            await files.process_file(path, "head")
        with pytest.raises(ToolError, match="cannot be read directly"):
            await logs.search_logs(path)
    assert [entry.name for entry in (await files.list_directory("deployments")).entries] == [
        "x.yaml"
    ]


@pytest.mark.parametrize(
    ("operation", "result"),
    [
        ("count-lines", 2),
        ("count-words", 3),
        ("count-chars", 14),
        ("reverse-words", "three two one"),
        ("uppercase", "ONE TWO\nTHREE\n"),
        ("lowercase", "one two\nthree\n"),
        ("head", "one two"),
        ("tail", "three"),
        ("sha256", hashlib.sha256(b"one two\nthree\n").hexdigest()),
    ],
)
async def test_each_operation(tree, operation, result):
    """What each operation makes of a known file."""
    found = await files.process_file("a.txt", operation, lines=1)

    assert (found.result, found.size_bytes, found.truncated) == (result, 14, False)


async def test_long_text_is_cut_and_says_so(tree):
    """The answer stays within its bound."""
    (tree / "long.txt").write_text("x" * (file_operations.MAX_TEXT_CHARS + 1))

    found = await files.process_file("long.txt", "uppercase")

    assert (len(found.result), found.truncated) == (file_operations.MAX_TEXT_CHARS, True)


async def test_what_is_not_text_is_told_with_the_place(tree):
    """Bytes that are not UTF-8 are an error for text, and fine for a hash."""
    (tree / "binary").write_bytes(b"ok\xff")

    with pytest.raises(ToolError, match="not UTF-8 text: byte 2 is 0xff"):
        await files.process_file("binary", "head")
    assert (await files.process_file("binary", "sha256")).size_bytes == 3


async def test_a_listing_is_by_name_and_bounded(tree):
    """Kinds are told, links are not followed, and the total counts what is not shown."""
    (tree / "link").symlink_to(tree.parent / "secret.txt")

    found = await files.list_directory(limit=2)

    assert [(entry.name, entry.kind) for entry in found.entries] == [
        ("a", "directory"),
        ("a.txt", "file"),
    ]
    assert found.total == 3
    assert [e.kind for e in (await files.list_directory(pattern="l*")).entries] == ["link"]


async def test_a_root_that_is_not_there_is_told_without_its_path(tmp_path, monkeypatch):
    """The client reads which setting is wrong, and nothing of the machine's folders."""
    monkeypatch.setenv("FILES_ROOT", str(tmp_path / "gone"))

    with pytest.raises(ToolError, match="FILES_ROOT") as refused:
        await files.list_directory()
    assert str(tmp_path) not in str(refused.value)


async def test_the_samples_serve_as_they_come(server):
    """With no setting at all, the shipped files are listed, read and searched."""
    require_samples()
    async with server() as client:
        listed = await client.call_tool("list_directory", {"path": "logs"})
        found = await client.call_tool(
            "search_logs", {"path": "logs/checkout.log", "level": "ERROR", "limit": 1}
        )
        counted = await client.call_tool(
            "process_file", {"file_path": "data/customers.csv", "operation": "count-lines"}
        )

    names = [entry["name"] for entry in listed.structured_content["entries"]]
    assert names == ["billing.log", "checkout.log"]
    assert found.structured_content["matches"][0]["level"] == "ERROR"
    assert counted.structured_content["result"] == 61
