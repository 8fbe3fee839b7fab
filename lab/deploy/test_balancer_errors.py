"""Errors that HAProxy makes, as clients of 2025-11-25 or older can bear them: JSON-RPC in HTTP 200."""

import asyncio
import csv
import itertools
import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lab.conformance.balancer import Balancer, balancer
from lab.mcp_wire import BOTH, MODERN

Behaviour = Callable[
    ["Server", asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]
]
OLDER = {"Accept": BOTH, "Content-Type": "application/json"}
IDS = ("7", '"7"', "9007199254740993", '"\\u00e9 \\"x\\" \\\\"', "-1")
FORMS = {
    "the Python SDK's": '{"method":"tools/call","params":PARAMS,"jsonrpc":"2.0","id":ID}',
    "the id first": '{"jsonrpc":"2.0","id":ID,"method":"tools/call","params":PARAMS}',
    "with spaces": '{ "method" : "tools/call",\n"params": PARAMS , "id": ID, "jsonrpc": "2.0" }\n',
}
DIED = (-31007, {"executed": "unknown"})
UNREADY = (-31010, {"executed": "no", "retryAfterSeconds": 1})
# Straight to the replicas, as where the hop has no room left.
NO_HOP = {"LB_CLIENTS": "200", "LB_MAXCONN": "200"}
pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


@dataclass
class Server:
    """A server that is ready, and does `behave` with every other request."""

    behave: Behaviour
    port: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/readyz" in head:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        else:
            self.reached.set()
            await self.behave(self, reader, writer)
        writer.close()


async def dies(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Nothing of an answer comes."""
    await asyncio.sleep(0.1)


async def breaks_off(
    server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Half of an answer comes."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"
    writer.write(head + b'{"half":')
    await writer.drain()
    await asyncio.sleep(0.1)


def written(form: str, request_id: str, size: int) -> bytes:
    """A request in which much looks like an id, and is none."""
    decoys = {"id": 1, "arguments": {"text": '","id":2}' + "x" * size, "id": "3"}}
    return FORMS[form].replace("ID", request_id).replace("PARAMS", json.dumps(decoys)).encode()


@asynccontextmanager
async def before(folder: Path, behave: Behaviour, **settings: str) -> AsyncIterator[Balancer]:
    """The balancer before such a server."""
    made = Server(behave)
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        with ExitStack() as stack:
            serving = balancer(folder, [made], **settings)
            yield await asyncio.to_thread(stack.enter_context, serving)


async def asked(http: httpx2.AsyncClient, url: str, body: bytes, **headers: str) -> httpx2.Response:
    """The answer to an older client's request, on a connection of its own.

    Without the hop HAProxy closes a connection that was used before.
    """
    return await http.post(url, content=body, headers={**OLDER, "Connection": "close", **headers})


def assert_error(response: httpx2.Response, request_id: str, code: int, data: Any) -> None:
    """HTTP 200 and this error, with the id as it was written."""
    reported = f"{response.status_code} {response.text}"
    assert response.status_code == 200, reported
    assert response.headers["content-type"] == "application/json"
    assert response.text.startswith(f'{{"jsonrpc":"2.0","id":{request_id},"error"'), reported
    error = response.json()["error"]
    assert (error["code"], error["data"]) == (code, data)


@pytest.mark.parametrize("behave", [dies, breaks_off])
@pytest.mark.parametrize("settings", [{}, NO_HOP], ids=["hop", "no hop"])
async def test_a_replica_that_died_is_an_error_of_the_request(
    tmp_path: Path, http: httpx2.AsyncClient, behave: Behaviour, settings: dict[str, str]
) -> None:
    """With the id as it was written, in bodies of any size and order."""
    async with before(tmp_path, behave, **settings) as made:
        for form, request_id in itertools.product(FORMS, IDS):
            body = written(form, request_id, 10)
            assert_error(await asked(http, made.url, body), request_id, *DIED)
        for size in () if settings else (30_000, 100_000, 1_000_000):
            body = written("the Python SDK's", IDS[2], size)
            assert_error(await asked(http, made.url, body), IDS[2], *DIED)


@pytest.mark.parametrize("settings", [{}, NO_HOP], ids=["hop", "no hop"])
async def test_without_a_replica_a_request_is_told_when_to_try_again(
    tmp_path: Path, http: httpx2.AsyncClient, settings: dict[str, str]
) -> None:
    """It is read to its end before, so that its id is known and its client listens."""
    async with none(tmp_path, **settings) as made:
        for size in (10, 100_000, 3_000_000):
            for request_id in IDS:
                body = written("the Python SDK's", request_id, size)
                assert_error(await asked(http, made.url, body), request_id, *UNREADY)


@pytest.mark.parametrize(
    "headers", [{"Accept": "*/*"}, {"Accept": "application/json"}, {"MCP-Protocol-Version": MODERN}]
)
async def test_others_get_the_real_status(
    tmp_path: Path, http: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    """Plain curl, and clients of 2026-07-28: problem details, as before."""
    body = written("the Python SDK's", "1", 10)
    async with before(tmp_path, dies) as made:
        reported = await asked(http, made.url, body, **headers)
        assert reported.status_code == 502
        assert reported.headers["content-type"] == "application/problem+json"
        assert reported.json()["status"] == 502


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}',
        b'{"jsonrpc":"2.0","id":1,"result":{}}',
        b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
        b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
    ],
)
async def test_what_is_no_request_gets_the_real_status(
    tmp_path: Path, http: httpx2.AsyncClient, body: bytes
) -> None:
    """There is no id to answer to."""
    async with none(tmp_path) as made:
        assert (await asked(http, made.url, body)).status_code == 503


@pytest.mark.parametrize("settings", [{}, NO_HOP], ids=["hop", "no hop"])
async def test_the_log_has_the_real_status(
    tmp_path: Path, http: httpx2.AsyncClient, settings: dict[str, str]
) -> None:
    """As the status where the call took the hop, else at the end of its line; metrics have it too."""
    async with before(tmp_path, dies, **settings) as made:
        await asked(http, made.url, written("the Python SDK's", "1", 10), X_Request_Id="x")
        lines = await logged(tmp_path)
        assert len(lines) == 1
        assert (" 502 " in lines[0]) == (not settings)
        assert lines[0].endswith(" 502" if settings else " -")
        if not settings:
            assert failures(made) == 1


async def test_a_hostile_body_costs_the_balancer_no_more_than_another(
    tmp_path: Path, http: httpx2.AsyncClient
) -> None:
    """What is done with a body does not depend on what is in it."""
    async with before(tmp_path, dies) as made:
        spent = {}
        for name, filling in {
            "plain": b"x",
            "nested": b"[",
            "quoted": b'",',
            "escaped": b"\\",
        }.items():
            body = b'{"method":"' + filling * (4_000_000 // len(filling))
            began = cpu(made.pid)
            for _ in range(5):
                await asked(http, made.url, body)
            spent[name] = cpu(made.pid) - began
        assert max(spent.values()) < 3 * spent["plain"] + 0.2, spent


def failures(made: Balancer) -> int:
    """Responses of 500 and above that HAProxy has counted for the replicas."""
    rows = csv.DictReader(made.ask("show stat").removeprefix("# ").splitlines())
    (row,) = [row for row in rows if (row["pxname"], row["svname"]) == ("mcp", "BACKEND")]
    return int(row["hrsp_5xx"])


def cpu(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def logged(folder: Path) -> list[str]:
    """The lines about POST requests, once there is one."""
    while True:
        lines = (folder / "haproxy.log").read_text().splitlines()
        if found := [line for line in lines if "POST /mcp" in line]:
            return found
        await asyncio.sleep(0.05)


@asynccontextmanager
async def none(folder: Path, **settings: str) -> AsyncIterator[Balancer]:
    """The balancer, which knows that its only replica is gone."""
    async with before(folder, dies, **settings) as made:
        gone = "set server mcp/static1 state maint; set server streams/static1 state maint"
        await asyncio.to_thread(made.ask, gone)
        yield made
