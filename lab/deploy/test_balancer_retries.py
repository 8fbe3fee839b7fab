"""When a replica dies: HAProxy sends again what may be done twice, and passes on no half answer."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lab.conformance.balancer import balancer
from lab.fixtures import Start
from lab.legacy import SETTINGS, Session
from lab.mcp_wire import ERAS, LEGACY, call, request
from lab.replica import Replica

Sent = Callable[[Session, str], Coroutine[Any, Any, int]]
NEW = {"capabilities": {}, "clientInfo": {"name": "new", "version": "1"}}
pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


@pytest.fixture
def pair(service: Start) -> list[Replica]:
    """Two replicas that share sessions."""
    return [service(**SETTINGS, MCP_REPLICA=name) for name in ("one", "other")]


def posted(method: str, **params: Any) -> Sent:
    """Posts a message of 2025-11-25: a request, a notification, or ("") the answer to a question."""

    async def send(session: Session, url: str) -> int:
        made = request(method, "legacy", **params)
        if not method:
            made["json"] = {"jsonrpc": "2.0", "id": "nobody-1", "result": {"action": "decline"}}
        elif method.startswith("notifications/"):
            del made["json"]["id"]
        headers = {**made["headers"], **({} if method == "initialize" else session.headers)}
        response = await session.http.post(url, headers=headers, json=made["json"])
        return 502 if "executed" in response.text else response.status_code

    return send


async def opened(session: Session, url: str) -> int:
    """Opens the GET stream of the session."""
    headers = {"Accept": "text/event-stream", **session.headers}
    async with session.http.stream("GET", url, headers=headers) as response:
        return response.status_code


async def listened(session: Session, url: str) -> int:
    """Opens a listen stream of 2026-07-28."""
    made = request("subscriptions/listen", notifications={"toolsListChanged": True})
    async with session.http.stream("POST", url, **made) as response:
        return response.status_code


async def asked(session: Session, url: str) -> int:
    """Asks for the tools, at 2026-07-28."""
    return (await session.http.post(url, **request("tools/list"))).status_code


async def reported(
    folder: Path, pair: list[Replica], http: httpx2.AsyncClient, send: Sent
) -> tuple[int, int]:
    """How two requests are answered: by a replica that lives, and by one that dies before it does."""
    with balancer(folder, pair) as made:
        sessions = [await Session(http, pair).open() for _ in range(2)]
        pair[0].kill(signal.SIGSTOP)  # it takes requests, and answers none
        sent = [asyncio.create_task(send(session, made.url)) for session in sessions]
        await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0.5)
        (stuck,) = [one for one in sent if not one.done()]
        (answered,) = [one for one in sent if one.done()]
        pair[0].kill(signal.SIGKILL)
        return await answered, await stuck


TWICE: dict[str, Sent] = {
    "initialize": posted("initialize", protocolVersion=LEGACY, **NEW),
    "list": posted("tools/list"),
    "list of 2026-07-28": asked,
    "notification": posted("notifications/initialized"),
    "answer": posted(""),
    "GET stream": opened,
    "listen stream": listened,
}


@pytest.mark.parametrize("what", TWICE)
async def test_what_may_be_done_twice_goes_to_another_replica(
    tmp_path: Path, pair: list[Replica], http: httpx2.AsyncClient, what: str
) -> None:
    """The client does not notice that the first one died."""
    expected = 202 if what in ("notification", "answer") else 200
    assert await reported(tmp_path, pair, http, TWICE[what]) == (expected, expected)


async def test_a_call_is_never_sent_twice(
    tmp_path: Path, pair: list[Replica], http: httpx2.AsyncClient
) -> None:
    """Nobody but its tool's author knows whether it may be."""
    send = posted("tools/call", name="echo", arguments={"text": "x"})
    assert await reported(tmp_path, pair, http, send) == (200, 502)


@dataclass
class Halves:
    """A server that is ready, and dies in the middle of each answer."""

    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/readyz" in head:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        else:
            json = b"Content-Type: application/json\r\nContent-Length: 500\r\n"
            writer.write(b"HTTP/1.1 200 OK\r\n" + json + b'\r\n{"half":')
        await writer.drain()
        await asyncio.sleep(0.2)
        writer.close()


async def test_an_answer_that_is_cut_off_is_told_too(
    tmp_path: Path, http: httpx2.AsyncClient
) -> None:
    """An error instead of half an answer, of which the official client would die."""
    halves = Halves()
    async with await asyncio.start_server(halves.serve, "127.0.0.1", 0) as server:
        halves.port = server.sockets[0].getsockname()[1]
        with ExitStack() as stack:
            serving = balancer(tmp_path, [halves])
            made = await asyncio.to_thread(stack.enter_context, serving)
            for era in ERAS:
                reported = await http.post(made.url, **call("echo", era, text="x"))
                assert reported.status_code == (502 if era == "modern" else 200)
                assert "may have been carried out" in reported.text
