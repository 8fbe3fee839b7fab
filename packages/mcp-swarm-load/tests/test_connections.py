"""Connections are reused, lost ones are noticed, and nothing is sent twice."""

import asyncio
import socket
from urllib.parse import urlsplit

import pytest

from mcp_swarm_load.target.connection import Exchange
from mcp_swarm_load.target.pool import ConnectionPool, TargetError
from mcp_swarm_load.testing.runs import load
from mcp_swarm_load.testing.target import Target
from mcp_swarm_load.traffic.calls import Call


async def one(pool: ConnectionPool, target: Target, number: int = 1) -> tuple[Exchange, str]:
    """Makes one call. Returns the exchange and what was wrong with it."""
    call = Call(urlsplit(target.url), "modern", "tools/list")
    exchange = await pool.send(call.render(number), 0)
    return exchange, call.judge(number, exchange)


async def started(target: Target, timeout: float = 5.0) -> ConnectionPool:
    pool = ConnectionPool(urlsplit(target.url), timeout=timeout)
    await pool.start()
    return pool


async def test_successive_calls_share_a_connection():
    async with Target().serving() as target:
        pool = await started(target)
        wrong = [(await one(pool, target, number))[1] for number in range(5)]
        await pool.stop()

    assert wrong == [""] * 5
    assert target.connections == 1


async def test_the_steps_of_a_call_are_timed_in_order():
    """The order is due, sent, first byte, last byte; the delay lies after sent."""
    async with Target(delay=lambda number: 0.05).serving() as target:
        pool = await started(target)
        exchange, _ = await one(pool, target)
        await pool.stop()

    assert exchange.due < exchange.sent < exchange.first_byte <= exchange.done
    assert exchange.first_byte - exchange.sent >= 50e6


@pytest.mark.parametrize("breath", [None, 0.05], ids=["at once", "after a while"])
async def test_an_idle_connection_closed_by_the_peer_is_no_failure(breath):
    """A reloading balancer closes so. "At once", the event loop has not seen it yet."""
    async with Target().serving() as target:
        pool = await started(target)
        assert (await one(pool, target))[1] == ""
        target.close_idle()
        if breath is not None:
            await asyncio.sleep(breath)
        wrong = (await one(pool, target, 2))[1]
        await pool.stop()

    assert wrong == ""
    assert target.connections == 2
    assert len(target.requests) == 2


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("cut", "connection lost before the answer"),
        ("cut half", "connection lost during the answer"),
    ],
)
async def test_a_lost_call_fails_and_is_sent_once(fault, said):
    async with Target(fault=lambda number: fault).serving() as target:
        pool = await started(target)
        _, wrong = await one(pool, target)
        await pool.stop()

    assert said == wrong
    assert len(target.requests) == 1


@pytest.mark.parametrize("fault", ["chunked", "events", "until end", "closes", "says close"])
async def test_answers_may_use_any_framing_of_http(fault):
    """Chunks, an event stream, a body that ends with the connection, Connection: close."""
    async with Target(fault=lambda number: fault).serving() as target:
        pool = await started(target)
        wrong = [(await one(pool, target, number))[1] for number in range(3)]
        await pool.stop()

    assert wrong == ["", "", ""]
    assert target.connections == (1 if fault in ("chunked", "events") else 3)


async def test_an_answer_that_is_not_http_fails_with_its_reason():
    async with Target(fault=lambda number: "garbage").serving() as target:
        pool = await started(target)
        _, wrong = await one(pool, target)
        await pool.stop()

    assert wrong.startswith("answer is not HTTP/1.1")


async def test_a_call_without_an_answer_fails_after_the_timeout():
    async with Target(delay=lambda number: 60.0).serving() as target:
        pool = await started(target, timeout=0.3)
        exchange, wrong = await one(pool, target)
        await pool.stop()

    assert wrong == "no answer within 0.3 s"
    assert 0.3e9 <= exchange.done - exchange.sent < 20e9


async def test_an_extra_answer_is_not_used_for_the_next_call():
    """Bytes without a request make a connection unusable."""
    async with Target(fault=lambda number: "twice").serving() as target:
        pool = await started(target)
        wrong = [(await one(pool, target, number))[1] for number in range(3)]
        await pool.stop()

    assert wrong == ["", "", ""]
    assert target.connections == 3


async def test_an_interim_answer_is_not_the_answer():
    """103 Early Hints, then the answer."""
    async with Target(fault=lambda number: "hints").serving() as target:
        pool = await started(target)
        exchange, wrong = await one(pool, target)
        await pool.stop()

    assert (wrong, exchange.status, exchange.replica) == ("", 200, "one")


async def test_a_refused_connection_is_reported_with_the_next_step():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound but not listening, so nothing answers here
        pool = ConnectionPool(
            urlsplit(f"http://127.0.0.1:{held.getsockname()[1]}/mcp"), timeout=5.0
        )
        with pytest.raises(TargetError, match=r"connection refused.*Check that it is up"):
            await pool.start()


async def test_without_keep_alive_each_call_opens_a_connection():
    async with Target().serving() as target:
        run = await load(target, calls=20, workers=4, keep_alive=False)

    assert run["totals"]["right"] == 20
    assert run["client"]["reused_percent"] == 0
    assert target.connections == run["client"]["connections"] == 20
    assert all(b"Connection: close" in request for request in target.requests)
