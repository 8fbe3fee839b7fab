"""The example resources, through the protocol."""

import json

import pytest

pytest.importorskip("server.examples.resources.replica")
pytest.importorskip("server.examples.resources.logs")

from mcp.shared.exceptions import MCPError


async def test_the_configuration_is_told_without_secrets(server, monkeypatch):
    """Limits and modes are there; nothing that a token or a URL could be in."""
    monkeypatch.setenv("AUTH_ENABLED", "true")
    monkeypatch.setenv("AUTH_TOKEN", "s3cr3t-value")
    monkeypatch.setenv("DATABASE_URL", "postgresql+asyncpg://u:s3cr3t-value@db/x")
    monkeypatch.setenv("MCP_NAME", "shop-tools")

    async with server() as client:
        (content,) = await client.read_resource("config://server")

    reported = json.loads(content.text)
    assert content.mime_type == "application/json"
    assert (reported["mcp_name"], reported["mcp_call_timeout"]) == ("shop-tools", 30.0)
    assert "s3cr3t-value" not in content.text
    assert not [name for name in reported if "auth" in name or "url" in name or "key" in name]


async def test_both_are_listed(server):
    """A resource, and a template with its parameter."""
    async with server() as client:
        resources = {str(found.uri) for found in await client.list_resources()}
        templates = {found.uri_template for found in await client.list_resource_templates()}

    assert "config://server" in resources
    assert "logs://{name}" in templates


async def test_the_end_of_a_log_begins_with_a_whole_line(server, root):
    """Of a long log the last lines come, none of them cut; a short one comes whole."""
    (root / "logs").mkdir()
    lines = [f"line {number:06}" for number in range(10_000)]
    (root / "logs" / "long.log").write_text("\n".join(lines) + "\n")
    (root / "logs" / "short.log").write_text("one\ntwo\n")

    async with server() as client:
        (long,) = await client.read_resource("logs://long.log")
        (short,) = await client.read_resource("logs://short.log")

    assert 30_000 < len(long.text) <= 32_768
    assert long.text.splitlines() == lines[-len(long.text.splitlines()) :]
    assert short.text == "one\ntwo\n"


@pytest.mark.parametrize(
    "name", ["..%2Fsecret.txt", "%2e%2e%2fsecret.txt", "%2Fetc%2Fpasswd", "link.log", "..%5Csecret"]
)
async def test_a_log_is_only_below_the_logs(server, root, name):
    """Encoded ways upwards and links end in an error that shows nothing."""
    (root / "logs").mkdir()
    (root / "logs" / "link.log").symlink_to(root.parent / "secret.txt")

    async with server() as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource(f"logs://{name}")
    assert "SECRET" not in str(refused.value)


async def test_a_log_that_is_not_there_is_told(server, root):
    """The error names it and the next step."""
    (root / "logs").mkdir()

    async with server() as client:
        with pytest.raises(MCPError, match=r"'logs/none.log' does not exist"):
            await client.read_resource("logs://none.log")
