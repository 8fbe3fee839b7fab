"""What a client without a good request can take from the others at the balancer: next to nothing."""

import asyncio
import shutil
import time
from contextlib import AsyncExitStack, suppress

import pytest

from lab.conformance.balancer import CONFIGURATION, balancer
from lab.mcp_wire import call, request, text

pytestmark = pytest.mark.timeout(180)

PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}'

# Headers that decide something, each with two values.
DOUBLED = [
    ("MCP-Protocol-Version", "2025-11-25", "2026-07-28"),
    ("Mcp-Method", "ping", "subscriptions/listen"),
    ("Mcp-Name", "one", "other"),
    ("Mcp-Session-Id", "1" * 32, "2" * 32),
    ("Authorization", "Bearer a", "Bearer b"),
    ("Content-Type", "application/json", "text/plain"),
    ("Origin", "http://localhost", "http://evil.example"),
    ("Host", "localhost", "evil.example"),
    ("Content-Length", str(len(PING)), "3"),
]
# Of these HAProxy passes on one, or refuses two that differ by itself.
MERGED = {"Host", "Content-Length"}


@pytest.fixture
def one(replica):
    """A replica."""
    return replica()


def without(tmp_path, *lines):
    """The configuration without the lines that begin so."""
    kept = [
        line
        for line in CONFIGURATION.read_text().splitlines()
        if not line.strip().startswith(lines)
    ]
    for beside in CONFIGURATION.parent.glob("*.lua"):
        shutil.copy(beside, tmp_path)
    changed = tmp_path / "haproxy.cfg"
    changed.write_text("\n".join(kept) + "\n")
    return changed


async def raw(port, content, source="127.0.0.1"):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    writer.write(content)
    return reader, writer


async def answered(port, content):
    """The status of the answer to these very bytes."""
    reader, writer = await raw(port, content)
    try:
        async with asyncio.timeout(20):
            return int((await reader.readline()).split()[1])
    finally:
        writer.close()


def port_of(url):
    return int(url.split(":")[2].partition("/")[0])


def doubled(name, first, second):
    """A POST with two headers of a name."""
    headers = {
        "Host": "localhost",
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Content-Length": str(len(PING)),
    }
    headers.pop(name, None)
    lines = [f"{key}: {value}" for key, value in headers.items()]
    lines += [f"{name}: {first}", f"{name}: {second}"]
    return ("POST /mcp HTTP/1.1\r\n" + "\r\n".join(lines) + f"\r\n\r\n{PING}").encode()


@pytest.mark.parametrize("at", ["balancer", "replica"])
async def test_a_header_that_decides_something_is_refused_when_it_is_doubled(tmp_path, one, at):
    """At both: neither leaves it to the other which of the two counts."""
    with balancer(tmp_path, [one]) as made:
        before = made.served()
        port = port_of(made.url) if at == "balancer" else one.port
        for name, first, second in DOUBLED:
            if at == "replica" or name not in MERGED:
                assert await answered(port, doubled(name, first, second)) == 400, name
                assert await answered(port, doubled(name, first, first)) == 400, name
        if at == "balancer":
            assert made.served() == before


async def test_two_versions_in_one_line_are_refused_too(tmp_path, one):
    """HAProxy compares each value of a line that has commas."""
    listen = request("subscriptions/listen")
    headers = {**listen["headers"], "MCP-Protocol-Version": "2025-11-25, 2026-07-28"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    content = f"POST /mcp HTTP/1.1\r\nHost: localhost\r\n{lines}Content-Length: 2\r\n\r\n{{}}"
    with balancer(tmp_path, [one]) as made:
        assert await answered(port_of(made.url), content.encode()) == 400


async def test_lists_may_be_doubled(tmp_path, one, http):
    """Accept is a list, and X-Forwarded-For grows on the way."""
    made = call("echo", text="x")
    pairs = [(k, v) for k, v in made["headers"].items() if k != "Accept"]
    pairs += [("Accept", "application/json"), ("Accept", "text/event-stream")]
    pairs += [("X-Forwarded-For", "10.0.0.1"), ("X-Forwarded-For", "10.0.0.2")]
    with balancer(tmp_path, [one]) as balanced:
        for url in (balanced.url, one.url):
            assert text(await http.post(url, headers=pairs, json=made["json"])) == "x"


def unfinished(size=1000, more=b""):
    """A POST whose body never ends."""
    lines = "".join(f"{k}: {v}\r\n" for k, v in call("echo", text="x")["headers"].items())
    head = f"POST /mcp HTTP/1.1\r\nHost: localhost\r\n{lines}Content-Length: {size}\r\n\r\n"
    return head.encode() + b'{"' + more


async def flood(stack, port, count, content, source="127.0.0.1"):
    for _ in range(count):
        _, writer = await raw(port, content, source)
        stack.callback(writer.close)


SLOTS = {"LB_REPLICA_CALLS": "4"}
WAITS = ("http-request wait-for-body",)


async def test_bodies_that_are_still_arriving_take_no_slot(tmp_path, one, http):
    """Five times as many as there are slots, and a call is answered at once."""
    with balancer(tmp_path, [one], **SLOTS) as made:
        async with AsyncExitStack() as stack:
            await flood(stack, port_of(made.url), 20, unfinished())
            await asyncio.sleep(0.5)
            began = time.monotonic()
            assert text(await http.post(made.url, **call("echo", text="x"))) == "x"
            assert time.monotonic() - began < 4


async def test_without_the_wait_they_take_all_slots(tmp_path, one, http):
    """The control: the call waits until the replica has given up the others."""
    changed = without(tmp_path, *WAITS)
    with balancer(tmp_path, [one], changed, **SLOTS) as made:
        async with AsyncExitStack() as stack:
            await flood(stack, port_of(made.url), 20, unfinished())
            await asyncio.sleep(0.5)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(4):
                    await http.post(made.url, **call("echo", text="x"))


async def test_a_body_that_does_not_come_is_408(tmp_path, one):
    """By the balancer, after ten seconds."""
    with balancer(tmp_path, [one]) as made:
        assert await answered(port_of(made.url), unfinished()) == 408


async def test_one_address_takes_only_its_share_of_large_bodies(tmp_path, one, http):
    """Those go to a replica before they are there; another address still finds slots."""
    with balancer(tmp_path, [one], LB_SOURCE_UPLOADS="2", **SLOTS) as made:
        port = port_of(made.url)
        async with AsyncExitStack() as stack:
            large = unfinished(1_000_000, b"x" * 40_000)
            await flood(stack, port, 2, large, "127.0.0.2")
            await asyncio.sleep(0.5)
            reader, writer = await raw(port, large, "127.0.0.2")
            stack.callback(writer.close)
            assert b" 429 " in await reader.readline()
            assert text(await http.post(made.url, **call("echo", text="x"))) == "x"
            large_call = call("echo", text="y" * 50_000)
            assert text(await http.post(made.url, **large_call)) == "y" * 50_000


async def test_one_address_takes_only_its_share_of_connections(tmp_path, one, http):
    """The rest is closed, and others are served."""
    with balancer(tmp_path, [one], LB_CLIENTS="40", LB_SOURCE_CLIENTS="10") as made:
        port = port_of(made.url)
        async with AsyncExitStack() as stack:
            readers = []
            for _ in range(60):
                with suppress(ConnectionResetError):
                    reader, writer = await raw(port, b"", "127.0.0.2")
                    stack.callback(writer.close)
                    readers.append(asyncio.create_task(reader.read()))
            _, left = await asyncio.wait(readers, timeout=2)
            assert len(left) == 10
            assert text(await http.post(made.url, **call("echo", text="x"))) == "x"
