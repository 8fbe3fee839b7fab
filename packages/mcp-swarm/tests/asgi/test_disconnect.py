"""A client that goes away before its answer: 2026-07-28 calls that cancelling, 2025-11-25 does not."""

import asyncio
import json

import pytest

from lab.mcp_wire import call, stream, text, with_headers

JSON = "application/json"
# How a call may be answered: settings, the client's Accept if not both, and whether the short
# path takes it.
WAYS = {
    "JSON": ({}, {}, ()),
    "JSON by the framework": ({}, {}, ("fast-path",)),
    "auto": ({"MCP_JSON_RESPONSE": "auto"}, {}, ()),
    "auto for who takes JSON": ({"MCP_JSON_RESPONSE": "auto"}, {"Accept": JSON}, ()),
    "streams": ({"MCP_JSON_RESPONSE": "false"}, {}, ()),
}
CANCELLED = "the sleep was cancelled"


async def left(http, made, era, seconds=30.0, **headers):
    """A call whose client goes away while the tool is at work."""
    asked = with_headers(call("sleep", era, seconds=seconds), **headers)
    calling = asyncio.create_task(http.post(made.url, **asked))
    await made.logged("the sleep begins")
    calling.cancel()


@pytest.mark.parametrize("way", WAYS)
async def test_a_client_of_2026_07_28_cancels_by_disconnecting(replica, http, way):
    """However it would have been answered: MUST (basic/patterns/cancellation)."""
    settings, headers, without = WAYS[way]
    made = replica(without=without, **settings)
    await left(http, made, "modern", **headers)
    await made.logged(CANCELLED)
    await made.logged(r" 0 POST /mcp tools/call sleep")
    assert "Traceback" not in made.log


@pytest.mark.parametrize("way", WAYS)
async def test_an_older_clients_call_goes_on(replica, http, way):
    """Its connection may just have broken: SHOULD NOT (2025-11-25, basic/transports)."""
    settings, headers, without = WAYS[way]
    made = replica(without=without, **settings)
    await left(http, made, "legacy", seconds=1.5, **headers)
    await made.logged(r"200 POST /mcp tools/call sleep \w+ \d{4,}\.")
    assert CANCELLED not in made.log
    assert "Traceback" not in made.log


@pytest.mark.parametrize("mode", ["auto", "false"])
async def test_what_it_says_to_an_older_client_that_left_is_dropped(replica, http, mode):
    """The stream had begun; the tool goes on to report to nobody, and ends."""
    made = replica(MCP_JSON_RESPONSE=mode)
    asked = call("count", "legacy", to=40)
    asked["json"]["params"]["_meta"] = {"progressToken": "p"}
    async with http.stream("POST", made.url, **asked) as response:
        assert await anext(stream(response))
    await made.logged(r"200 POST /mcp tools/call count \w+ \d{4,}\.")
    assert "Traceback" not in made.log


async def test_without_the_rule_json_goes_on_and_streams_are_cut(replica, http):
    """The controls: the framework asks which form the answer has, not which client left."""
    in_json = replica(without=["disconnect"])
    await left(http, in_json, "modern", seconds=1.5)
    await in_json.logged(r"200 POST /mcp tools/call sleep")
    assert CANCELLED not in in_json.log
    streaming = replica(without=["disconnect"], MCP_JSON_RESPONSE="auto")
    await left(http, streaming, "legacy")
    await streaming.logged(CANCELLED)


async def test_what_the_tool_began_is_undone_as_at_a_time_limit(replica, http):
    """Clean-up code that fails is logged without its secret, and nothing is left of the call."""
    made = replica()
    asked = call("sore", seconds=30)
    calling = asyncio.create_task(http.post(made.url, **asked))
    await made.logged("the sleep begins")
    calling.cancel()
    await made.logged("the clean-up fails")
    assert text(await http.post(made.url, **call("echo", text="on"))) == "on"


async def test_who_stays_is_answered_on_one_connection_after_another(replica):
    """Slow calls and a body that comes in pieces: being watched takes nothing away."""
    made = replica()
    reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
    for number, tool in enumerate(("sleep", "echo", "sleep")):
        arguments = {"seconds": 0.3} if tool == "sleep" else {"text": "x"}
        asked = call(tool, **arguments)
        body = json.dumps(asked["json"]).encode()
        head = "".join(f"{name}: {value}\r\n" for name, value in asked["headers"].items())
        head += f"Host: localhost\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"POST /mcp HTTP/1.1\r\n{head}\r\n".encode() + body[:9])
        await asyncio.sleep(0.2)
        writer.write(body[9:])
        reported = await reader.readuntil(b"\r\n\r\n")
        assert reported.startswith(b"HTTP/1.1 200"), number
        size = int(reported.lower().partition(b"content-length:")[2].split()[0])
        assert json.loads(await reader.readexactly(size))["result"]["isError"] is False
    writer.close()
