"""What an attacker does: ``python -m lab.prove.attacks URL SECONDS [--token T] NAME…``.

It calls from an address of its own on the loopback. Each attack is a coroutine that goes on until it
is cancelled; one more is one more entry of ANONYMOUS or AUTHENTICATED.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lab.mcp_wire import LEGACY, Era, call, request

SOURCE = "127.0.0.9"
MIB = 1 << 20


@dataclass
class Target:
    """Whom it attacks, and what came back.

    Attributes:
        connections: that the attack with idle ones tries to hold.
        statuses: of the answers, by attack.
    """

    host: str
    port: int
    token: str
    connections: int
    statuses: Counter[str] = field(default_factory=Counter)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.host, self.port, local_addr=(SOURCE, 0))

    def head(self, size: int, method: str, era: Era = "modern", path: str = "/mcp") -> bytes:
        """The head of a POST with a body of `size` bytes."""
        headers = {**request(method, era)["headers"], "Content-Length": str(size)}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode()

    async def post(self, name: str, head: bytes, body: bytes, seconds: float = 60.0) -> None:
        """Sends all of it and waits for an answer; its status is counted."""
        status = "cut"
        with suppress(OSError, TimeoutError):
            reader, writer = await self.connect()
            try:
                async with asyncio.timeout(seconds):
                    writer.write(head + body)
                    status = (await reader.readline()).decode()[9:12] or "cut"
                    await reader.read(MIB)
            finally:
                writer.close()
        self.statuses[f"{name} {status}"] += 1

    async def send(self, name: str, made: dict[str, object], era: Era = "modern") -> None:
        """One JSON-RPC message."""
        body = json.dumps(made["json"]).encode()
        message: object = made["json"]
        assert isinstance(message, dict)
        head = self.head(len(body), message["method"], era)
        if "name" in message["params"]:
            named = f"Mcp-Name: {message['params']['name']}\r\n\r\n".encode()
            head = head.replace(b"Mcp-Name: None\r\n", b"")[:-2] + named
        await self.post(name, head, body)


Attack = Callable[[Target], Awaitable[None]]


async def slow_bodies(target: Target) -> None:
    """400 POSTs of 1,000 bytes, of which one comes each second."""

    async def one() -> None:
        reader, writer = await target.connect()
        writer.write(target.head(1000, "tools/call") + b"{")
        ended = asyncio.create_task(reader.read())
        while not ended.done():
            writer.write(b" ")
            await asyncio.wait({ended}, timeout=1)
        target.statuses[f"slow body {(await ended).decode('latin-1')[9:12]}"] += 1
        writer.close()

    await _many(400, one)


async def large_slow_bodies(target: Target) -> None:
    """180 POSTs of 4 MB that stop before their end."""
    beginning = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"'

    async def one() -> None:
        reader, writer = await target.connect()
        writer.write(target.head(4_000_000, "tools/call") + beginning + b"x" * 3_900_000)
        reported = await reader.readline()
        target.statuses[f"large slow body {reported.decode('latin-1')[9:12]}"] += 1
        writer.close()
        await asyncio.sleep(10)

    await _many(180, one, pause=0.02)


async def whole_bodies(target: Target) -> None:
    """Whole bodies of 4 MB, four a second."""
    body = b"[" + b"[]," * 1_300_000 + b"[]]"

    async def one() -> None:
        await target.post("whole body", target.head(len(body), "tools/call"), body)
        await asyncio.sleep(0.5)

    await _many(2, one)


async def idle_connections(target: Target) -> None:
    """Thousands of connections that send nothing, opened again when they are closed."""

    async def one() -> None:
        reader, writer = await target.connect()
        await reader.read()
        target.statuses["idle connection closed"] += 1
        writer.close()
        await asyncio.sleep(5)

    await _many(target.connections, one, pause=0.001)


async def initializations(target: Target) -> None:
    """Sessions with as much to keep as they may have, and with far more."""

    async def one() -> None:
        for size in (12_000, 60_000, 4 * MIB - 2000):
            hello = {
                "protocolVersion": LEGACY,
                "capabilities": {"experimental": {"x": {"y": "z" * size}}},
                "clientInfo": {"name": "attacker", "version": "1"},
            }
            await target.send("initialize", request("initialize", "legacy", **hello), "legacy")
            await asyncio.sleep(0.2)

    await _many(2, one)


async def listeners(target: Target) -> None:
    """Streams that are held open, each with as much to keep as it may have."""

    async def one() -> None:
        more = {"padding": "x" * 12_000}
        await target.send("listen", request("subscriptions/listen", notifications={}, _meta=more))
        await asyncio.sleep(1)

    await _many(100, one, pause=0.05)


async def jobs(target: Target) -> None:
    """Jobs with as large arguments as a body may hold, and tasks with large capabilities."""
    job = {"tool": "search_log_archive", "arguments": {"pattern": "x", "folder": "y" * 3_000_000}}
    made = request("tools/call", name="submit_job", arguments=job)
    large = call("search_log_archive", pattern="x", folder="y" * 3_000_000)
    large["json"]["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = {
        "extensions": {"io.modelcontextprotocol/tasks": {}},
        "experimental": {"x": {"y": "z" * 10_000}},
    }

    async def one() -> None:
        for asked in (made, large):
            await target.send("job", asked)
            await asyncio.sleep(0.2)

    await _many(2, one)


async def conversions(target: Target) -> None:
    """Conversions that would take a gigabyte: nested TOML, many fields of many objects."""
    deep = "a." * 12_000 + "a = 1"
    wide = json.dumps([{"a": 1}] * 20_000)
    asked = (
        call("transform_data", data=deep, source_format="toml", target_format="json"),
        call(
            "transform_data",
            data=wide,
            source_format="json",
            target_format="json",
            select=[f"f{number}" for number in range(200)],
        ),
    )

    async def one() -> None:
        for made in asked:
            await target.send("conversion", made)
            await asyncio.sleep(0.5)

    await _many(1, one)


ANONYMOUS: dict[str, Attack] = {
    "slow bodies": slow_bodies,
    "large slow bodies": large_slow_bodies,
    "whole bodies": whole_bodies,
    "idle connections": idle_connections,
}
AUTHENTICATED: dict[str, Attack] = {
    "slow bodies": slow_bodies,
    "large slow bodies": large_slow_bodies,
    "initializations": initializations,
    "listeners": listeners,
    "conversions": conversions,
    "jobs": jobs,
}


async def _many(count: int, one: Callable[[], Awaitable[None]], pause: float = 0.0) -> None:
    """Has `one` done again and again, `count` times beside each other."""

    async def again() -> None:
        while True:
            try:
                await one()
            except OSError:
                await asyncio.sleep(1)

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(again())
            await asyncio.sleep(pause)


async def attack(target: Target, attacks: list[Attack], seconds: float) -> None:
    """Has all of them go on for so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for one in attacks:
                group.create_task(one(target))


def main() -> int:
    """Attacks, and writes what came back as JSON."""
    parser = argparse.ArgumentParser(prog="python -m lab.prove.attacks", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--token", default="")
    parser.add_argument("--connections", type=int, default=8000)
    parser.add_argument("names", nargs="+")
    options = parser.parse_args()
    place = urlsplit(options.url)
    target = Target("127.0.0.1", place.port or 80, options.token, options.connections)
    known = AUTHENTICATED if options.token else ANONYMOUS
    asyncio.run(attack(target, [known[name] for name in options.names], options.seconds))
    json.dump(target.statuses, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
