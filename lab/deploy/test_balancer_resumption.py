"""Who resumes a stream while no replica can serve it is asked to come again, and gives nothing up."""

import asyncio
from pathlib import Path

import httpx2
import pytest

from lab.deploy.test_balancer_errors import Server, before, none
from lab.mcp_wire import MODERN

AFTER = "0123456789abcdef.1-7"
RESUMES = {"Accept": "text/event-stream", "Last-Event-ID": AFTER}
pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


async def is_away(
    server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """A replica that answers, with an error of its own."""
    writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nown")


def assert_asked_again(response: httpx2.Response) -> None:
    """A stream that ends in order, and says where to resume and when."""
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream"
    assert response.text == f"id: {AFTER}\nretry: 1000\ndata: \n\n"


async def test_without_a_replica_a_stream_is_resumed_later(
    tmp_path: Path, http: httpx2.AsyncClient
) -> None:
    """The Python SDK 1.x gives the answer of its call up after two errors."""
    async with none(tmp_path) as made:
        assert_asked_again(await http.get(made.url, headers=RESUMES))
        log = (tmp_path / "haproxy.log").read_text()
        assert any(line.endswith(" 503") for line in log.splitlines())


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "text/event-stream"},
        {"Accept": "application/json", "Last-Event-ID": AFTER},
        {**RESUMES, "MCP-Protocol-Version": MODERN},
        {**RESUMES, "Last-Event-ID": "of another server"},
    ],
)
async def test_others_get_the_real_status_of_a_stream(
    tmp_path: Path, http: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    """Who resumes nothing, or could not read a stream."""
    async with none(tmp_path) as made:
        refused = await http.get(made.url, headers=headers)
        assert refused.status_code == 503
        assert refused.headers["content-type"] == "application/problem+json"


async def test_an_error_of_a_replica_stays_what_it_is(
    tmp_path: Path, http: httpx2.AsyncClient
) -> None:
    """The replica knows better who may come again."""
    async with before(tmp_path, is_away) as made:
        refused = await http.get(made.url, headers=RESUMES)
        assert (refused.status_code, refused.text) == (503, "own")
