"""What nobody caught: the caller gets a 500 with the id, and the connection lives on."""

import asyncio
import contextlib

import httpx2
import pytest
from starlette.responses import JSONResponse

from mcp_swarm.asgi.crash import CrashMiddleware


async def fails_at_once(scope, receive, send):
    raise RuntimeError("the password is hunter2")


async def fails_half_way(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise RuntimeError("the password is hunter2")


async def fails_after_its_answer(scope, receive, send):
    await JSONResponse({"fine": True})(scope, receive, send)
    raise RuntimeError("the password is hunter2")


async def asked(app):
    transport = httpx2.ASGITransport(app=CrashMiddleware(app))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get("/")


async def exits_at_once(scope, receive, send):
    raise SystemExit("the password is hunter2")


async def is_cancelled_by_itself(scope, receive, send):
    raise asyncio.CancelledError("the password is hunter2")


@pytest.mark.parametrize("app", [fails_at_once, exits_at_once, is_cancelled_by_itself])
async def test_a_failure_before_the_answer_is_a_500_that_tells_nothing(app):
    """As problem details; where to look is told, why it failed is not."""
    response = await asked(app)
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "X-Request-Id" in response.json()["detail"]
    assert "hunter2" not in response.text


async def test_a_failure_half_way_cuts_the_answer():
    """A part must not pass for the whole: only the cut tells the caller."""
    with pytest.raises(RuntimeError):
        await asked(fails_half_way)


async def test_a_failure_after_the_answer_leaves_it_alone():
    """The caller has what it asked for."""
    assert (await asked(fails_after_its_answer)).json() == {"fine": True}


async def test_the_error_is_logged_once_with_the_requests_id(replica, http):
    """And with its traceback: the 500 names the id, the log has the reason under it."""
    made = replica()
    await http.get(f"{made.base}/bug", headers={"X-Request-Id": "bug-1"})
    made.wait_for_log(r"\[bug-1\] 500 GET /bug")
    assert "ERROR   tested [bug-1] a request failed" in made.log
    assert made.log.count("RuntimeError: the password is hunter2") == 1


async def two_requests_on_one_connection(made) -> list[bytes]:
    """The statuses of /bug and, over the same connection, /version; fewer if it was closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
    statuses = []
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        for path in ("bug", "version"):
            writer.write(f"GET /{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
            statuses.append(head.split()[1])
            length = int(head.lower().partition(b"content-length: ")[2].split()[0])
            await reader.readexactly(length)
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return statuses


async def test_the_next_request_goes_over_the_same_connection(replica):
    """A kept connection may already carry the caller's next request."""
    assert await two_requests_on_one_connection(replica()) == [b"500", b"200"]


async def test_without_the_last_resort_the_connection_is_closed(replica):
    """The control: uvicorn closes it, and logs the error without its request's id."""
    made = replica(without=["crash-answer"])
    assert await two_requests_on_one_connection(made) == [b"500"]
    assert "ERROR   tested [-]" in made.log
