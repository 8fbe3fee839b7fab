"""A file in `secrets/own` is a setting of the service's own: no Compose file has to be written."""

import json
from pathlib import Path

import pytest

from deploy import own_secrets
from lab.deploy.patterns import PROJECT

STACK = PROJECT / "stack.yml"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    (tmp_path / "own").mkdir()
    return tmp_path


def overlay(secrets: Path, *files: Path) -> dict:
    return json.loads(own_secrets.overlay(secrets, "crm", [STACK, *files]))


def test_replicas_and_workers_get_it_as_a_file(secrets: Path) -> None:
    """Readable by their account alone; the variable names where it is."""
    (secrets / "own" / "crm_token").write_text("x")
    services = overlay(secrets)["services"]
    assert set(services) == {"mcp", "worker"}
    for service in services.values():
        assert service["environment"] == {"CRM_TOKEN_FILE": "/run/secrets/crm_token"}
        (mounted,) = service["secrets"]
        assert (mounted["target"], mounted["uid"], mounted["mode"]) == ("crm_token", "10001", 0o400)


def test_every_service_that_runs_the_server_gets_it(secrets: Path) -> None:
    (secrets / "own" / "crm_token").write_text("x")
    split = PROJECT / "deploy" / "patterns" / "split.yml"
    assert set(overlay(secrets, split)["services"]) == {"mcp", "mcp-live", "worker"}


def test_it_is_named_by_its_content(secrets: Path) -> None:
    """So a changed file and a deploy is the rotation."""
    file = secrets / "own" / "crm_token"
    names = []
    for content in ("one", "two", "one"):
        file.write_text(content)
        (entry,) = overlay(secrets)["secrets"].values()
        assert entry["file"] == str(file)
        names.append(entry["name"])
    assert names[0] == names[2] != names[1]
    assert names[0].startswith("crm-own-crm_token-")


def test_without_one_nothing_is_laid_over_the_stack(tmp_path: Path) -> None:
    assert own_secrets.overlay(tmp_path, "crm", [STACK]) == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CRM-Token", "expected a file that is named like its setting"),
        ("redis_url", "the stack sets REDIS_URL"),
    ],
)
def test_a_name_that_cannot_be_a_setting_of_yours_is_refused(
    secrets: Path, name: str, words: str
) -> None:
    (secrets / "own" / name).write_text("x")
    with pytest.raises(ValueError, match=words):
        own_secrets.files(secrets)
