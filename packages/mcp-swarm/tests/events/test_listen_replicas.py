"""`subscriptions/listen` over several replicas: heard on one, published on another."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest

from lab.mcp_wire import call, request, stream, text
from lab.replica import ROOT, environment
from lab.service_name import NAME

GREETING = "sample://greeting"
EVERYTHING = {
    "toolsListChanged": True,
    "promptsListChanged": True,
    "resourcesListChanged": True,
    "resourceSubscriptions": [GREETING],
}


@asynccontextmanager
async def listening(http, made, **wanted):
    """The messages of an open listen stream, its acknowledgement taken."""
    asked = request("subscriptions/listen", notifications=wanted or EVERYTHING)
    async with http.stream("POST", made.url, **asked) as response:
        messages = stream(response)
        first = await anext(messages)
        assert first["method"] == "notifications/subscriptions/acknowledged", first
        yield messages


async def soon(messages):
    """The next event: its method's last words, and its URI if it has one."""
    message = await asyncio.wait_for(anext(messages), 40)
    method = message["method"].removeprefix("notifications/")
    return (method, uri) if (uri := message["params"].get("uri")) else method


async def touch(http, made, uri=GREETING):
    return text(await http.post(made.url, **call("touch", uri=uri)))


async def test_what_one_replica_publishes_all_hear(service, http):
    """Itself included, each event once, and only what was asked for."""
    replicas = [service(MCP_REPLICA=name) for name in "abc"]
    async with (
        listening(http, replicas[0]) as one,
        listening(http, replicas[1], resourceSubscriptions=[GREETING]) as two,
        listening(http, replicas[2], resourceSubscriptions=[GREETING]) as three,
    ):
        await touch(http, replicas[1], "sample://other")
        for made in replicas:
            await touch(http, made)
            for heard in (one, two, three):
                assert await soon(heard) == ("resources/updated", GREETING)
        replicas[0].kill(signal.SIGTERM)
        final = await anext(one)
        assert "result" in final
        assert final["id"] == 1


async def test_in_memory_each_replica_hears_itself_alone(replica, http):
    """The control: with memory:// nothing is shared, which is why it is for one process."""
    here, there = replica(), replica()
    async with listening(http, here) as heard:
        await touch(http, there)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(soon(heard), 1)


async def test_services_on_one_redis_do_not_hear_each_other(service, http, valkey):
    """The service's name is part of the channel's."""
    url = valkey.url_of(f"another-{NAME}")
    here, there = service(), service(MCP_NAME=f"another-{NAME}", REDIS_URL=url)
    async with listening(http, here) as heard:
        await touch(http, there)
        await touch(http, here)
        assert await soon(heard) == ("resources/updated", GREETING)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(soon(heard), 1)


PUBLISH = """
import asyncio
from mcp_swarm import publish
from mcp.server.subscriptions import ResourceUpdated, ToolsListChanged
from lab.service_name import NAME

async def main():
    await publish(ToolsListChanged())
    await publish(ResourceUpdated(uri="sample://greeting"))

asyncio.run(main())
"""


async def test_a_process_that_only_publishes_is_heard(service, http, valkey, key, tmp_path):
    """A worker or a script with the service's settings; it serves nothing."""
    made = service()
    env = environment(tmp_path, {"REDIS_URL": valkey.url, "MCP_REQUEST_STATE_KEYS": key})
    async with listening(http, made) as heard:
        await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", PUBLISH],
            env={**os.environ, **env},
            cwd=ROOT,
            check=True,
        )
        assert await soon(heard) == "tools/list_changed"
        assert await soon(heard) == ("resources/updated", GREETING)


async def test_what_is_no_event_is_left_aside(service, http, valkey):
    """Another release, or another program, on the same channel: the stream goes on."""
    made = service()
    with valkey.client() as redis:
        async with listening(http, made) as heard:
            for message in ("", "{", "[]", '{"kind": "NewerKind"}', '{"kind": "ResourceUpdated"}'):
                redis.publish(f"{NAME}:events", message)
            await touch(http, made)
            assert await soon(heard) == ("resources/updated", GREETING)


REFETCH = ["tools/list_changed", "prompts/list_changed", "resources/list_changed"]


async def test_after_a_gap_listeners_are_told_to_refetch(service, http, valkey):
    """Redis died and came back: nobody knows what was published meanwhile."""
    made = service()
    async with listening(http, made) as heard:
        valkey.kill()
        made.wait_for_log("events of other replicas are not received")
        valkey.start()
        assert [await soon(heard) for _ in range(4)] == [*REFETCH, ("resources/updated", GREETING)]
        await touch(http, made)
        assert await soon(heard) == ("resources/updated", GREETING)


async def test_while_redis_is_away_a_replica_tells_its_own_and_later_everyone(
    service, http, valkey
):
    """The tool that publishes is not failed by it; other replicas' clients refetch."""
    here, there = service(), service()
    async with listening(http, here) as own, listening(http, there) as others:
        valkey.pause()
        assert await touch(http, here) == "told"
        assert await soon(own) == ("resources/updated", GREETING)
        valkey.resume()
        assert [await soon(others) for _ in range(3)] == REFETCH
        assert await soon(others) == ("resources/updated", GREETING)
