"""The stop: not ready, drain, close streams, finish calls in flight, exit 0."""

import asyncio
import json
import signal
import time

import httpx2
import pytest

from lab import mcp_wire
from lab.mcp_wire import ERAS, answer, call, request, stream, text, with_headers

INITIALIZE = {
    "protocolVersion": mcp_wire.LEGACY,
    "capabilities": {},
    "clientInfo": {"name": "t", "version": "1"},
}
MODES = {
    "json": {},
    "stream": {"MCP_JSON_RESPONSE": "false"},
    "sessions": {"MCP_JSON_RESPONSE": "false", "MCP_STATELESS_HTTP": "false"},
}


async def session(http, url) -> dict[str, str]:
    """The headers of a session of 2025-11-25 that has been opened."""
    opened = await http.post(url, **request("initialize", "legacy", **INITIALIZE))
    headers = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
    note = request("notifications/initialized", "legacy")
    del note["json"]["id"]
    await http.post(url, **with_headers(note, **headers))
    return headers


def listening(uri="sample://greeting"):
    wanted = {"toolsListChanged": True, "resourceSubscriptions": [uri]}
    return request("subscriptions/listen", notifications=wanted)


def counting(to, pause, era="modern", **headers):
    """A call that reports progress, so that its answer is streamed from the first step on."""
    asked = call("count", era, to=to, pause=pause)
    asked["json"]["params"].setdefault("_meta", {})["progressToken"] = "p"
    return with_headers(asked, **headers)


async def test_while_it_drains_it_is_alive_not_ready_and_serving(replica, http):
    """The balancer looks away during the delay; what still arrives is answered, and moved on."""
    made = replica(MCP_DRAIN_SECONDS="5")
    assert text(await http.post(made.url, **call("echo", text="before"))) == "before"
    began = time.monotonic()
    made.kill(signal.SIGTERM)
    made.wait_for_log("SIGTERM: draining for 5 s")
    ready = await http.get(f"{made.base}/readyz")
    assert (ready.status_code, ready.json()) == (503, {"status": "draining"})
    assert ready.headers["retry-after"] == "1"
    assert (await http.get(f"{made.base}/healthz")).status_code == 200
    served = await http.post(made.url, **call("echo", text="during"))
    assert text(served) == "during"
    assert served.headers["connection"] == "close"
    assert made.wait() == 0
    assert time.monotonic() - began > 4.9


async def test_connections_are_kept_until_it_drains(shared, http):
    """The control: only a draining replica sends its clients away."""
    response = await http.post(shared.url, **call("echo", text="x"))
    assert "connection" not in response.headers


@pytest.mark.parametrize("mode", ["json", "stream"])
@pytest.mark.parametrize("era", ERAS)
async def test_a_call_in_flight_finishes_with_its_result(replica, http, era, mode):
    """The signal comes while a tool runs: its caller gets the result, and then it ends."""
    made = replica(**MODES[mode])
    running = asyncio.create_task(http.post(made.url, **call("sleep", era, seconds=1)))
    await made.logged("the sleep begins")
    made.kill(signal.SIGTERM)
    assert text(await running) == "slept 1 s"
    assert made.wait() == 0


async def results_of_a_session_that_is_stopped(made, http, steps):
    """What a call and a GET stream of one session receive when SIGTERM comes meanwhile."""
    headers = await session(http, made.url)
    asked = with_headers(request("ping", "legacy"), **headers)["headers"]
    open_streams = asyncio.Barrier(3)

    async def watch():
        async with http.stream("GET", made.url, headers=asked) as response:
            assert response.status_code == 200
            await open_streams.wait()
            return [message async for message in stream(response)]

    async def run():
        async with http.stream("POST", made.url, **counting(steps, 0.2, "legacy", **headers)) as r:
            messages = stream(r)
            await anext(messages)
            await open_streams.wait()
            got = [message async for message in messages]
        return got[-1] if got else {}

    tasks = [asyncio.create_task(watch()), asyncio.create_task(run())]
    async with asyncio.timeout(60):
        await open_streams.wait()
    made.kill(signal.SIGTERM)
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_session_finishes_its_call_and_its_get_stream_ends_cleanly(replica, http):
    """2025-11-25, streaming: the stream ends as streams do, not by a cut."""
    made = replica(**MODES["sessions"])
    watched, result = await results_of_a_session_that_is_stopped(made, http, steps=6)
    assert watched == []
    assert result["result"]["content"][0]["text"] == "counted to 6"
    assert made.wait() == 0
    assert "Traceback" not in made.log


async def test_with_sse_starlettes_own_drain_the_call_is_cut(replica, http):
    """The control (trap T4): 0.2 s after SIGTERM every response in flight is aborted."""
    made = replica(without=["drain-switch"], **MODES["sessions"])
    _, result = await results_of_a_session_that_is_stopped(made, http, steps=100)
    assert isinstance(result, httpx2.TransportError) or "result" not in result


async def test_a_streamed_call_of_2026_finishes(replica, http):
    """The modern stream is not sse-starlette's; it finishes too."""
    made = replica(**MODES["stream"])
    async with http.stream("POST", made.url, **counting(4, 0.2)) as response:
        messages = stream(response)
        await anext(messages)
        made.kill(signal.SIGTERM)
        got = [message async for message in messages]
    assert got[-1]["result"]["content"][0]["text"] == "counted to 4"
    assert made.wait() == 0


async def test_listen_is_acknowledged_told_and_ended_with_its_result(replica, http):
    """The whole life of a subscription of 2026-07-28, in JSON mode, which streams it all the same."""
    made = replica()
    async with http.stream("POST", made.url, **listening()) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        messages = stream(response)
        acknowledged = await anext(messages)
        assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
        for uri in ("sample://other", "sample://greeting"):
            await http.post(made.url, **call("touch", uri=uri))
        event = await anext(messages)
        assert event["method"] == "notifications/resources/updated"
        assert event["params"]["uri"] == "sample://greeting"
        made.kill(signal.SIGTERM)
        final = [message async for message in messages]
    assert [message["id"] for message in final] == [1]
    assert "result" in final[0]
    assert made.wait() == 0  # long before a call's limit would end it


async def test_without_closing_an_open_listen_stream_holds_the_exit(replica, http):
    """The control (trap T5): the drain is over and the process is still there."""
    made = replica(without=["stream-closing"])
    async with http.stream("POST", made.url, **listening()) as response:
        messages = stream(response)
        await anext(messages)
        made.kill(signal.SIGTERM)
        with pytest.raises(AssertionError, match="still running"):
            await asyncio.to_thread(made.wait, 2)


async def test_without_a_handler_listen_is_not_found(replica, http):
    """The control: FastMCP has none of its own."""
    made = replica(without=["listen-handler"])
    response = await http.post(made.url, **listening())
    assert answer(response)["error"]["code"] == -32601


async def test_a_stream_that_opens_during_the_drain_does_not_hold_the_exit(replica, http):
    """Accepted while serving on; ended with the others."""
    made = replica(MCP_DRAIN_SECONDS="5")
    made.kill(signal.SIGTERM)
    made.wait_for_log("draining")
    async with http.stream("POST", made.url, **listening()) as response:
        got = [message async for message in stream(response)]
    assert "result" in got[-1]
    assert made.wait() == 0


async def test_a_stream_that_opens_in_the_last_moment_does_not_hold_the_exit(replica):
    """Its request was half sent when the streams were closed: it is closed as well."""
    made = replica()
    asked = listening()
    body = json.dumps(asked["json"]).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
    head = "".join(f"{name}: {value}\r\n" for name, value in asked["headers"].items())
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"alive" in await reader.readuntil(b"}")  # it knows the connection
    head += f"Host: localhost\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"POST /mcp HTTP/1.1\r\n{head}\r\n".encode())
    assert b" 100 " in await reader.readuntil(b"\r\n\r\n")  # it waits for the body
    writer.write(body[:10])
    made.kill(signal.SIGTERM)
    made.wait_for_log("Waiting for connections to close")
    writer.write(body[10:])
    received = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    await writer.wait_closed()
    assert b"acknowledged" in received
    assert b'"result"' in received
    assert made.wait() == 0


async def test_idle_connections_do_not_hold_the_exit(replica, http):
    """Clients keep them for minutes."""
    made = replica()
    await http.get(f"{made.base}/version")
    assert made.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_both_signals_end_with_0(replica, number):
    """An orchestrator and a person alike; nothing went wrong."""
    made = replica()
    assert made.stop(number) == 0
    assert "Traceback" not in made.log


async def test_a_person_does_not_wait_for_the_balancer(replica):
    """SIGINT skips the delay."""
    assert replica(MCP_DRAIN_SECONDS="30").stop(signal.SIGINT) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_at_once(replica, http, number):
    """Whatever is in flight: whoever sends it knows."""
    made = replica(MCP_DRAIN_SECONDS="30")
    running = asyncio.create_task(http.post(made.url, **call("sleep", seconds=30)))
    await made.logged("the sleep begins")
    made.kill(signal.SIGTERM)
    made.wait_for_log("draining")
    made.stop(number)
    (ended,) = await asyncio.gather(running, return_exceptions=True)
    assert isinstance(ended, httpx2.TransportError) or ended.status_code >= 500, ended.text


@pytest.mark.parametrize("tool", ["block", "block_in_executor"])
async def test_a_thread_that_blocks_for_ever_does_not_hold_the_exit(replica, http, tool):
    """Its caller had the error at the limit; nobody waits for the thread."""
    made = replica(MCP_CALL_TIMEOUT="0.3")
    await http.post(made.url, **call(tool, seconds=60))
    assert made.stop() == 0


async def test_a_call_that_never_ends_is_cut_after_its_limit_and_5_seconds(replica, http):
    """The control of the wait for calls in flight: it is not for ever."""
    made = replica(MCP_CALL_TIMEOUT="0.1", without=["call-timeout"])
    running = asyncio.create_task(http.post(made.url, **call("sleep", seconds=60)))
    await made.logged("the sleep begins")
    began = time.monotonic()
    made.kill(signal.SIGTERM)
    await asyncio.gather(running, return_exceptions=True)
    assert made.wait() == 0
    assert time.monotonic() - began > 5
