"""Secrets and configs are named by content: a changed file and a deploy is the whole rotation."""

from pathlib import Path

import pytest

from deploy import make_secrets
from deploy.names import content_hashes
from lab.deploy.patterns import PROJECT

STACK = PROJECT / "stack.yml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_secrets.make(tmp_path)
    return tmp_path


def hashes(folder: Path) -> dict[str, str]:
    return content_hashes([STACK], {"SECRETS_DIR": str(folder)})


def test_every_secret_and_config_is_hashed(folder: Path) -> None:
    """None is left with the name that a deploy by hand gives it."""
    assert set(hashes(folder)) == {
        *("HAPROXY_HASH", "RPC_ERROR_HASH", "REDIS_HASH", "POSTGRES_HASH"),
        *("POSTGRES_PASSWORD_HASH", "DATABASE_URL_HASH", "REDIS_PASSWORD_HASH", "REDIS_URL_HASH"),
        *("REQUEST_STATE_KEYS_HASH", "AUTH_TOKENS_HASH"),
    }


@pytest.mark.parametrize("name", ["request_state_keys", "auth_tokens", "redis_password"])
def test_a_changed_file_renames_itself_alone(folder: Path, name: str) -> None:
    """So nothing is restarted but what reads it; and the old content has its old name again."""
    before, content = hashes(folder), (folder / name).read_text()
    (folder / name).write_text(f"{content}\n# more")
    changed = {variable for variable, value in hashes(folder).items() if value != before[variable]}
    assert changed == {f"{name.upper()}_HASH"}
    (folder / name).write_text(content)
    assert hashes(folder) == before


def test_a_file_of_an_overlay_is_hashed_too(folder: Path) -> None:
    """By the same form, with its path from the first file's folder."""
    overlay = PROJECT / "lab" / "swarm" / "probe.yml"
    found = content_hashes([STACK, overlay], {"SECRETS_DIR": str(folder)})
    assert set(found) - set(hashes(folder)) == {"PROBE_HASH"}
