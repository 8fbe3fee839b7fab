"""MCP middleware of the service's own runs around every call, whichever way the call takes."""

import asyncio

import httpx2
import pytest
from fastmcp.server.middleware import Middleware

from lab.in_process import running
from lab.jobs.wire import as_task
from lab.mcp_wire import ERAS, answer, call
from mcp_swarm import build, serve
from mcp_swarm.config import Settings
from mcp_swarm.jobs.context import current_job

TOOLS = """
from fastmcp.tools import tool

@tool(task=True)
async def work(item: str) -> str:
    return item
"""


class Recorder(Middleware):
    """Records each call and what it sees of it."""

    def __init__(self):
        self.seen = []

    async def on_call_tool(self, context, call_next):
        result = await call_next(context)
        job = "job" if current_job() else "call"
        self.seen.append((job, context.message.arguments["item"], result.structured_content))
        return result


class Messages(Middleware):
    """Records methods by the most general of FastMCP's hooks."""

    def __init__(self):
        self.seen = []

    async def on_message(self, context, call_next):
        self.seen.append(context.method)
        return await call_next(context)


@pytest.fixture(params=[True, False], ids=["fast path", "FastMCP"])
async def served(request, package):
    """A replica in this process with both, its client, and both."""
    mine = (Recorder(), Messages())
    settings = Settings(mcp_fast_path=request.param, mcp_task_redelivery_seconds=0.5)
    app = serve.build_app(settings, build.build_mcp(settings, (package({"t.py": TOOLS}),), mine))
    transport = httpx2.ASGITransport(app)
    async with (
        running(app),
        httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        yield client, *mine


@pytest.mark.parametrize("era", ERAS)
async def test_it_sees_a_call_once_with_its_result(served, era):
    http, calls, messages = served
    result = answer(await http.post("/mcp", **call("work", era, item="one")))["result"]
    assert result["content"][0]["text"] == "one"
    assert calls.seen == [("call", "one", {"result": "one"})]
    assert messages.seen == ["tools/call"]


async def test_it_sees_a_job_once_where_it_runs(served):
    """Not where it is submitted: there is no result yet."""
    http, calls, _ = served
    submitted = answer(await http.post("/mcp", **as_task("work", item="two")))
    assert submitted["result"]["resultType"] == "task", submitted
    async with asyncio.timeout(20):
        while not calls.seen:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.05)
    assert calls.seen == [("job", "two", {"result": "two"})]
