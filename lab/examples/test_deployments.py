"""The deployment tools: what runs where, configurations without secrets, real checks."""

import asyncio
import json
from pathlib import Path

import pytest

deployments = pytest.importorskip("server.examples.tools.deployments")

from fastmcp.exceptions import ToolError

from lab import services
from lab.examples.samples import require_samples
from mcp_swarm import http

SECRET = "s3cr3t-value"  # none of the answers may hold it

SHOP = f"""
name: shop
environment: production
image: registry.example/shop:1
replicas: 2
deployed_at: 2026-06-01T08:00:00Z
config:
  LOG_LEVEL: info
  KEYBOARD: qwerty
  PORT: 8080
  EMPTY_PASSWORD: ""
  DB_PASSWORD: {SECRET}
  api-key: {SECRET}
  AccessKey: {SECRET}
  auth_header: {SECRET}
  SIGNING_KEY: {SECRET}
  tokens: [{SECRET}, {SECRET}]
  credentials:
    user: {SECRET}
  DATABASE_URL: postgres://shop:{SECRET}@db.example/shop
  REPLICA_PWD: {SECRET}
  deployKey: {SECRET}
  jwt: {SECRET}
  connection: Server=db.example;User ID=shop;Password={SECRET} x=1;Encrypt=True
  queue: amqp://shop:a@{SECRET}@queue.example/shop
  nested:
    client_secret: {SECRET}
    urls: ["https://{SECRET}@host.example/x", "https://host.example/y"]
"""


@pytest.fixture
def folder(root: Path) -> Path:
    made = root / "deployments"
    made.mkdir()
    (made / "shop.yaml").write_text(SHOP)
    return made


@pytest.fixture(autouse=True)
async def close_client():
    yield
    await http.close()


def deploy(folder: Path, name: str, **check: object) -> None:
    """Writes a deployment; JSON is YAML."""
    (folder / f"{name}.yaml").write_text(json.dumps({"name": name, "check": check or None}))


async def test_no_secret_is_shown(folder):
    """By key, by URL, in lists and below: hidden, with its place; what is harmless stays."""
    found = await deployments.read_config("shop")

    assert SECRET not in found.model_dump_json()
    assert found.config["DATABASE_URL"] == "postgres://********@db.example/shop"
    harmless = ("LOG_LEVEL", "KEYBOARD", "PORT", "EMPTY_PASSWORD")
    assert [found.config[key] for key in harmless] == ["info", "qwerty", 8080, ""]
    assert found.config["nested"]["urls"][1] == "https://host.example/y"
    assert set(found.masked) == {
        *("DB_PASSWORD", "api-key", "AccessKey", "auth_header", "SIGNING_KEY", "tokens"),
        *("credentials", "DATABASE_URL", "nested.client_secret", "nested.urls[0]"),
        *("REPLICA_PWD", "deployKey", "jwt", "connection", "queue"),
    }


@pytest.mark.parametrize(
    "section",
    ["DB_PASSWORD", "tokens", "credentials", "nested", "nested.client_secret", "DATABASE_URL"],
)
async def test_a_section_cut_out_of_a_secret_is_secret_too(folder, section):
    """Asking for a part of it is no way around."""
    found = await deployments.read_config("shop", section)

    assert SECRET not in found.model_dump_json()
    assert found.masked


@pytest.mark.parametrize("section", ["none", "credentials.user", "LOG_LEVEL.x"])
async def test_a_section_that_is_not_there_is_told(folder, section):
    """The error names it, and shows no secret."""
    with pytest.raises(ToolError, match=f"has no '{section}'") as refused:
        await deployments.read_config("shop", section)
    assert SECRET not in str(refused.value)


async def test_the_samples_are_listed(server):
    """With no setting at all, three deployments come by name, and one environment can be asked."""
    require_samples()
    async with server() as client:
        everything = await client.call_tool("list_deployments", {})
        staging = await client.call_tool("list_deployments", {"environment": "staging"})
        config = await client.call_tool("read_config", {"name": "checkout"})

    names = [one["name"] for one in everything.structured_content["deployments"]]
    assert names == ["billing", "catalog-staging", "checkout"]
    assert everything.structured_content["unreadable"] == []
    assert [one["name"] for one in staging.structured_content["deployments"]] == ["catalog-staging"]
    assert "sample-only" not in str(config.structured_content)


async def test_files_that_cannot_be_used_are_told_beside_the_others(folder):
    """Each with its reason; no value of them is repeated, and links are not followed."""
    (folder / "a.yaml").write_text("name: [")
    (folder / "b.yaml").write_text(f"name: b\nreplicas: {SECRET}")
    (folder / "c.yaml").write_text("name: c\nsurprise: 1")
    (folder / "d.yaml").write_text("name: d\ncheck: {}")
    (folder / "e.yaml").symlink_to(folder.parent.parent / "secret.txt")
    (folder / "f.yml").write_text("!!python/object/apply:os.system ['true']")
    (folder / "z.yaml").write_text("name: shop")

    found = await deployments.list_deployments()

    assert [one.name for one in found.deployments] == ["shop"]
    reported = "\n".join(found.unreadable)
    assert len(found.unreadable) == 7
    for reason in ("a.yaml: is not YAML at line 1", "replicas:", "surprise:", "either url or tcp"):
        assert reason in reported
    assert "links are not followed" in reported
    assert "repeats the name 'shop'" in reported
    assert SECRET not in reported


async def test_unknown_names_are_told_with_those_there_are(folder):
    """A deployment, an environment, and a folder that is not there."""
    with pytest.raises(ToolError, match=r"no deployment 'x'. There are: shop"):
        await deployments.read_config("x")
    with pytest.raises(ToolError, match=r"no environment 'x'. There are: production"):
        await deployments.list_deployments("x")
    (folder / "shop.yaml").unlink()
    folder.rmdir()
    with pytest.raises(ToolError, match="'deployments' does not exist"):
        await deployments.list_deployments()


@pytest.mark.parametrize("name", ["../shop", "a/b", "", "shop\n", "x" * 101])
async def test_a_name_is_never_a_path(server, folder, name):
    """The server's own check refuses it."""
    async with server() as client:
        with pytest.raises(ToolError, match="pattern"):
            await client.call_tool("read_config", {"name": name})


async def test_a_service_that_answers_is_up(folder, allow):
    """The answer's status decides, and the latency is a real one."""
    with services.running() as service:
        allow(service.entry)
        deploy(folder, "good", url=f"{service.url}/json")
        deploy(folder, "missing", url=f"{service.url}/nothing")
        deploy(folder, "expected", url=f"{service.url}/nothing", expect_status=404)

        found = [
            await deployments.check_service_status(name) for name in ("good", "missing", "expected")
        ]

    assert [one.status for one in found] == ["up", "down", "up"]
    assert [one.http_status for one in found] == [200, 404, 404]
    assert found[1].detail == "answered 404, expected 200"
    assert all(one.milliseconds > 0 for one in found)


async def test_a_port_that_is_open_is_up_and_a_closed_one_down(folder, allow):
    """TCP: connected to for real."""
    listening = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    allow(f"127.0.0.1:{port}")
    deploy(folder, "port", tcp=f"127.0.0.1:{port}")

    before = await deployments.check_service_status("port")
    listening.close()
    await listening.wait_closed()
    after = await deployments.check_service_status("port")

    assert (before.status, before.detail) == ("up", "accepts connections")
    assert before.milliseconds > 0
    assert (after.status, after.milliseconds) == ("down", None)


async def test_a_service_that_hangs_is_down_in_time(folder, allow):
    """The check's own time limit ends it."""
    with services.running() as service:
        allow(service.entry)
        deploy(folder, "slow", url=f"{service.url}/slow?2", timeout_seconds=0.3)

        found = await deployments.check_service_status("slow")

    assert found.status == "down"
    assert "did not answer within 0.3 s" in found.detail


async def test_a_check_reaches_only_what_the_operator_allowed(folder):
    """Not listed is an error that names the setting, not a service that is down."""
    with services.running() as service:
        deploy(folder, "url", url=f"{service.url}/json")
        deploy(folder, "tcp", tcp=service.entry)

        for name in ("url", "tcp"):
            with pytest.raises(ToolError, match="MCP_OUTBOUND_HOSTS"):
                await deployments.check_service_status(name)
    assert service.asked == []


async def test_without_a_check_there_is_nothing_to_ask(folder):
    """The error says what the operator adds."""
    with pytest.raises(ToolError, match=r"no check.*url or tcp"):
        await deployments.check_service_status("shop")
