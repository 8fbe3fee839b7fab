"""Parts tell what they hold right now; whoever reads them all gets one figure a name."""

import asyncio
from contextlib import asynccontextmanager

import httpx2

from lab.jobs.team import SAMPLE as JOBS
from lab.legacy import CAPABILITIES
from lab.listen import listen
from lab.mcp_wire import call, request
from mcp_swarm import build, config, serve

NOTHING = {
    "listen_streams": 0,
    "session_streams": 0,
    "session_calls": 0,
    "session_client_requests": 0,
    "jobs_running": 0,
    "slots_used": 0,
    "slots_waiting": 0,
    "questions_open": 0,
}


@asynccontextmanager
async def serving(valkey, key):
    """A replica in this process, with sessions, jobs and one slot."""
    settings = config.Settings(
        redis_url=valkey.url,
        mcp_request_state_keys=(key,),
        mcp_stateless_http=False,
        mcp_json_response=False,
        mcp_call_concurrency=1,
        mcp_tools=("asking", "slow"),
    )
    made = serve.build_app(settings, build.build_mcp(settings, ("lab.sample.tools", *JOBS)))
    made.mcp.jobs.engine.works = True
    async with made.http.router.lifespan_context(made.http):
        yield made
        made.close_streams()


async def until(service, **expected):
    """Waits until the gauges say so."""
    async with asyncio.timeout(20):
        while service.mcp.gauges() != {**NOTHING, **expected}:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.02)


async def test_each_figure_follows_what_is_held(valkey, key, tmp_path):
    """Streams, calls, slots, questions and jobs, one after the other."""
    async with (
        serving(valkey, key) as service,
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(service), base_url="http://localhost"
        ) as http,
    ):
        assert service.mcp.gauges() == NOTHING
        opening = request(
            "initialize",
            "legacy",
            protocolVersion="2025-11-25",
            capabilities=CAPABILITIES,
            clientInfo={"name": "gauges", "version": "1"},
        )
        opened = await http.post("/mcp", **opening)
        session = {"Mcp-Session-Id": opened.headers["Mcp-Session-Id"]}

        def post(asked, **headers):
            asked = {**asked, "headers": {**asked["headers"], **headers}}
            return asyncio.create_task(http.post("/mcp", **asked))

        asking = post(call("ask_in_a_session", "legacy"), **session)
        await until(service, session_calls=1, session_client_requests=1, questions_open=1)
        sleeping = post(call("sleep", seconds=60))
        held = {"session_calls": 1, "session_client_requests": 1, "questions_open": 1}
        await until(service, **held, slots_used=1)
        waiting = post(call("sleep", seconds=60))
        await until(service, **held, slots_used=1, slots_waiting=1)
        listening = post(listen("a://b"))
        await until(service, **held, slots_used=1, slots_waiting=1, listen_streams=1)
        for task in (asking, sleeping, waiting, listening):
            task.cancel()
        await http.delete("/mcp", headers=session)
        await until(service)
        body = {"tool": "until_asked", "arguments": {"folder": str(tmp_path)}}
        await http.post("/jobs", json=body)
        await until(service, jobs_running=1)
        (tmp_path / "end").touch()
        await until(service)
