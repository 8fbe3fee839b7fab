"""Who may call a deployed service: those in auth_tokens, at every way in that a pattern has."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from deploy import access, make_secrets
from deploy.__main__ import TOKENS
from lab.deploy.patterns import merged
from lab.mcp_wire import call, text, with_headers
from lab.replica import Replica

PATTERNS = [(), ("sessions",), ("sticky",), ("single",), ("split",)]


@pytest.mark.parametrize("overlays", PATTERNS, ids=lambda names: " ".join(names) or "alone")
def test_every_service_that_runs_the_server_has_the_callers(overlays: tuple[str, ...]) -> None:
    """At the path that `make deploy` tells them, and nobody else has the list."""
    stack = merged(*overlays)
    having = [
        name
        for name, service in stack["services"].items()
        if any(f"/run/secrets/{s['target']}" == TOKENS for s in service.get("secrets", []))
    ]
    assert having == [n for n in stack["services"] if n.startswith(("mcp", "worker"))]


async def test_the_first_caller_is_served_with_its_token(
    replica: Callable[..., Replica], http: httpx2.AsyncClient, tmp_path: Path
) -> None:
    """By the files that `make secrets` makes; a stranger is not."""
    make_secrets.make(tmp_path)
    token = (tmp_path / "first_token").read_text()
    made = replica(AUTH_ENABLED="true", AUTH_TOKENS_FILE=str(tmp_path / "auth_tokens"))
    asked = call("echo", text="x")
    assert (await http.post(made.url, **asked)).status_code == 401
    known = with_headers(asked, Authorization=f"Bearer {token}")
    assert text(await http.post(made.url, **known)) == "x"


def test_the_deploy_tells_how_to_call(tmp_path: Path) -> None:
    """A curl and an MCP client's line, which read the token from its file and do not show it."""
    make_secrets.make(tmp_path)
    reported = access.how_to_call({"LB_PORT": "9150", "MCP_NAME": "shop"}, tmp_path)
    assert "curl http://localhost:9150/mcp" in reported
    assert "claude mcp add --transport http shop http://localhost:9150/mcp" in reported
    assert reported.count(f'"Authorization: Bearer $(cat {tmp_path}/first_token)"') == 3
    assert (tmp_path / "first_token").read_text() not in reported


def test_a_token_that_is_not_listed_is_not_offered(tmp_path: Path) -> None:
    """An operator who keeps a list of callers has their tokens."""
    make_secrets.make(tmp_path)
    other = hashlib.sha256(b"other").hexdigest()
    (tmp_path / "auth_tokens").write_text(f"- {{sha256: {other}, client: other}}")
    assert "Bearer TOKEN" in access.how_to_call({}, tmp_path)


@pytest.mark.parametrize("said", ["false", "False", "0", "no"])
def test_an_open_service_is_said_to_be_open(said: str, tmp_path: Path) -> None:
    """Nothing asks for a token then, and anyone may call."""
    reported = access.how_to_call({"AUTH_ENABLED": said}, tmp_path)
    assert "Anyone who reaches it may call" in reported
    assert "Bearer" not in reported


@pytest.mark.parametrize("said", ["", "true", "1", "yes"])
def test_a_deployed_service_asks_for_a_token_unless_it_is_told_otherwise(said: str) -> None:
    """Unset is not open."""
    assert not access.is_open({"AUTH_ENABLED": said})
