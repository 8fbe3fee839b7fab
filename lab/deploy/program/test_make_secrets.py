"""deploy/make_secrets.py: what is missing is made, what is there is kept."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from lab.service_name import NAME
from lab.valkey import users

pytestmark = pytest.mark.processes

PROJECT = Path(__file__).parents[3]
NAMES = {
    *("postgres_password", "redis_password", "database_url", "redis_url", "request_state_keys"),
    *("first_token", "auth_tokens"),
}


def make(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "deploy/make_secrets.py", str(folder)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "secrets"


def test_everything_that_is_missing_is_made(folder: Path) -> None:
    """All files of stack.yml are there, for their owner alone."""
    assert make(folder).returncode == 0
    assert {path.name for path in folder.iterdir()} == NAMES
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_second_run_changes_nothing(folder: Path) -> None:
    """A password in use is never overwritten."""
    make(folder)
    before = {path: path.read_text() for path in folder.iterdir()}
    assert make(folder).returncode == 0
    assert {path: path.read_text() for path in folder.iterdir()} == before


def test_your_own_password_goes_into_the_url(folder: Path) -> None:
    """Whatever is in it: the URL holds it escaped."""
    folder.mkdir()
    (folder / "postgres_password").write_text("p@ss/w:rd é\n")
    make(folder)
    url = urlsplit((folder / "database_url").read_text())
    assert (url.scheme, url.hostname, url.port) == ("postgresql+asyncpg", "postgres", 5432)
    assert unquote(url.password or "") == "p@ss/w:rd é"


def test_the_url_of_redis_names_the_user_that_redis_has(folder: Path) -> None:
    """The one of deploy/redis/start.sh; nobody else may touch a key."""
    make(folder)
    url = urlsplit((folder / "redis_url").read_text())
    assert (url.scheme, url.hostname, url.port) == ("redis", "redis", 6379)
    assert url.username in users(NAME)
    assert url.password == (folder / "redis_password").read_text()


def test_no_two_secrets_are_alike_or_short(folder: Path) -> None:
    """Each is 32 random bytes of its own."""
    make(folder)
    random = ("postgres_password", "redis_password", "request_state_keys", "first_token")
    values = [(folder / name).read_text() for name in random]
    assert len(set(values)) == 4
    assert min(map(len, values)) >= 43


def test_callers_who_are_listed_already_stay_the_only_ones(folder: Path) -> None:
    """Nobody gets a token that the list does not have."""
    folder.mkdir()
    (folder / "auth_tokens").write_text("- {sha256: %s, client: mine}" % ("0" * 64))
    make(folder)
    assert not (folder / "first_token").exists()
    assert "mine" in (folder / "auth_tokens").read_text()


def test_an_empty_file_is_told_and_not_deployed(folder: Path) -> None:
    """An empty password would be no password: exit 3, with the file's name."""
    folder.mkdir()
    (folder / "redis_password").write_text("")
    done = make(folder)
    assert done.returncode == 3
    assert str(folder / "redis_password") in done.stderr
    assert "Traceback" not in done.stderr
