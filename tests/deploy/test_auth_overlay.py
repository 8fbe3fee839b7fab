"""deploy/auth.yml: only known callers, at every way in that a pattern has."""

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from tests.deploy.patterns import FOLDER, PROJECT, merged, read
from tests.replica import Replica
from tests.speak import call, text, with_headers

AUTH, LIVE = "../auth", "../auth-live"
SETTINGS = ("AUTH_ENABLED", "AUTH_TOKENS_FILE")


@pytest.mark.parametrize(
    ("overlays", "services"),
    [
        ([AUTH], ["mcp"]),
        (["sessions", AUTH], ["mcp"]),
        (["sticky", AUTH], ["mcp"]),
        (["single", AUTH], ["mcp"]),
        (["split", AUTH, LIVE], ["mcp", "mcp-live"]),
    ],
    ids=" ".join,
)
async def test_only_listed_callers_are_served(
    overlays: list[str],
    services: list[str],
    replica: Callable[..., Replica],
    http: httpx2.AsyncClient,
    tmp_path: Path,
) -> None:
    """By the settings of the files; the secret lies where they say that it does."""
    stack = merged(*overlays)
    digest = hashlib.sha256(b"the-token").hexdigest()
    (tmp_path / "auth_tokens").write_text(f"- {{sha256: {digest}, client: one}}")
    assert [name for name in stack["services"] if name.startswith("mcp")] == services
    for name in services:
        service = stack["services"][name]
        mounted = [s["target"] for s in service["secrets"] if s["source"] in stack["secrets"]]
        assert f"/run/secrets/{mounted[-1]}" == service["environment"]["AUTH_TOKENS_FILE"]
        told = {n: str(service["environment"][n]) for n in SETTINGS}
        made = replica(**{n: v.replace("/run/secrets", str(tmp_path)) for n, v in told.items()})
        asked = call("echo", text="x")
        assert (await http.post(made.url, **asked)).status_code == 401
        known = with_headers(asked, Authorization="Bearer the-token")
        assert text(await http.post(made.url, **known)) == "x"


def test_a_new_list_of_callers_restarts_nothing_but_replicas() -> None:
    """Its revision is its own, and nobody else has the secret."""
    stack = merged(AUTH)
    assert "AUTH_REVISION" in read_text("auth.yml")
    assert "SECRETS_REVISION" not in read_text("auth.yml")
    having = [n for n, s in stack["services"].items() if "auth_tokens" in str(s.get("secrets"))]
    assert having == ["mcp"]
    assert read(PROJECT / "deploy" / "auth-live.yml").get("secrets") is None


def test_a_pattern_that_is_not_there_is_told_before_anything_is_built() -> None:
    """With those that are; no Docker has been asked."""
    done = subprocess.run(
        ["sh", "deploy/deploy.sh", "image", "stiky"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 2
    assert "PATTERN=stiky" in done.stderr
    for path in FOLDER.glob("*.yml"):
        assert path.stem in done.stderr


def read_text(name: str) -> str:
    return (PROJECT / "deploy" / name).read_text()
