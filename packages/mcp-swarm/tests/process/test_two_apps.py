"""Two apps in one process share nothing that belongs to one: settings, database, clients, events."""

import asyncio
from contextlib import AsyncExitStack

import httpx2
import pytest

from lab.in_process import running
from lab.mcp_wire import ERAS, answer, call
from mcp_swarm import build, serve
from mcp_swarm.config import Settings

TOOLS = """
import asyncio
from fastmcp.tools import tool
from mcp_swarm import database, http, publish
from mcp_swarm.config import current
from mcp_swarm.events import ResourceUpdated

@tool
async def name() -> str:
    await asyncio.sleep(0.05)
    return current().mcp_name

@tool
def name_in_a_thread() -> str:
    return current().mcp_name

@tool(task=True)
async def name_in_a_job() -> str:
    return current().mcp_name

@tool
async def file_of_the_database() -> str:
    async with database.session() as session:
        return str(session.bind.url)

@tool
async def status(url: str) -> str:
    try:
        return str((await http.client().request("GET", url)).status)
    except http.RequestNotAllowed:
        return "not allowed"

@tool
async def change() -> None:
    await publish(ResourceUpdated(uri="sales://regions"))
"""


@pytest.fixture
async def both(package, tmp_path, http_service):
    """Two apps that serve; the second alone may call out."""
    packages = (package({"tools.py": TOOLS}),)
    made = {}
    async with AsyncExitStack() as stack:
        for name, hosts in (("first", ()), ("second", (http_service.host,))):
            settings = Settings(
                mcp_name=name,
                mcp_outbound_hosts=hosts,
                database_url=f"sqlite+aiosqlite:///{tmp_path}/{name}.db",
            )
            app = serve.build_app(settings, build.build_mcp(settings, packages))
            await stack.enter_async_context(running(app))
            made[name] = app
        yield made


async def ask(app, tool, era="modern", **arguments):
    """The text of the tool's result."""
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        # A task of its own, as an ASGI server gives each request.
        posted = asyncio.create_task(client.post("/mcp", **call(tool, era, **arguments)))
        result = answer(await posted)["result"]
    return result["content"][0]["text"] if result["content"] else ""


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("tool", ["name", "name_in_a_thread", "name_in_a_job"])
async def test_a_tool_reads_the_settings_of_its_app(both, tool, era):
    """Also while the other app's call runs."""
    calls = [ask(both[name], tool, era) for name in ("first", "second", "first")]
    assert await asyncio.gather(*calls) == ["first", "second", "first"]


async def test_each_has_its_database(both):
    for name in ("first", "second", "first"):
        assert (await ask(both[name], "file_of_the_database")).endswith(f"/{name}.db")


async def test_each_calls_the_hosts_that_its_settings_list(both, http_service):
    http_service.answers["/rates"] = {}
    url = f"{http_service.url}/rates"
    assert await ask(both["second"], "status", url=url) == "200"
    assert await ask(both["first"], "status", url=url) == "not allowed"


async def test_an_event_reaches_the_listeners_of_its_app(both):
    heard = []
    for name, app in both.items():
        app.mcp.bus.subscribe(lambda event, name=name: heard.append(name))
    await ask(both["first"], "change")
    assert heard == ["first"]


async def test_the_end_of_one_leaves_the_other_its_database(package, tmp_path):
    packages = (package({"tools.py": TOOLS}),)
    url = f"sqlite+aiosqlite:///{tmp_path}/shared.db"
    apps = []
    for name in ("first", "second"):
        settings = Settings(mcp_name=name, database_url=url)
        apps.append(serve.build_app(settings, build.build_mcp(settings, packages)))
    async with running(apps[0]):
        async with running(apps[1]):
            await ask(apps[1], "file_of_the_database")
        assert (await ask(apps[0], "file_of_the_database")).endswith("/shared.db")
