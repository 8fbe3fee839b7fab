"""Sessions of 2025-11-25 are opened, used and closed; lost and wrong ones are noticed."""

import asyncio
import signal
from collections import Counter

import pytest

from mcp_swarm_load.testing.behaviours import SessionServer, header
from mcp_swarm_load.testing.runs import load, program
from mcp_swarm_load.testing.target import Target

LOADS = [{"workers": 4}, {"rate": 400.0}]


@pytest.mark.parametrize("load_of", LOADS, ids=["closed", "open"])
async def test_sessions_are_opened_used_n_times_and_closed(load_of):
    server = SessionServer()
    async with Target(script=server).serving() as target:
        run = await load(target, era="legacy", calls=100, sessions=5, tool="t", **load_of)

    assert (run["totals"]["right"], run["errors"]) == (100, [])
    assert set(server.states.values()) == {"closed"}
    assert sum(server.calls.values()) == 100
    # In an open loop, a call without a free session opens one, so none may reach five calls.
    assert max(server.calls.values()) in ({5} if "workers" in load_of else range(1, 6))
    flow = run["flow"]
    assert flow["sessions_opened"] == flow["sessions_closed"] == len(server.states) >= 20
    assert flow["sessions_lost"] == flow["sessions_wrong"] == flow["sessions_refused"] == 0
    assert run["replicas"][0]["calls"] == 100 + 3 * len(server.states), (
        "opening and closing are requests too"
    )
    assert run["latency_ms"]["since_due"]["n"] == 100, "but no calls"


async def test_every_request_of_a_session_has_the_tenant_s_token():
    from mcp_swarm_load.traffic.callers import Token

    tokens = (Token("of-ants", "ants"), Token("of-bees", "bees"))
    async with Target(script=SessionServer()).serving() as target:
        await load(target, era="legacy", calls=40, workers=4, sessions=5, tokens=tokens)

    whose: dict[str, set[str]] = {}
    for request in target.requests:
        assert header(request, "Authorization").startswith("Bearer of-")
        if own := header(request, "Mcp-Session-Id"):
            whose.setdefault(own, set()).add(header(request, "Authorization"))
    assert all(len(tokens) == 1 for tokens in whose.values())
    assert Counter(next(iter(each)) for each in whose.values()).keys() == {
        "Bearer of-ants",
        "Bearer of-bees",
    }


async def test_lost_sessions_are_failures_and_are_replaced():
    """The server forgets each after three calls. The fourth call fails, the fifth opens another."""
    server = SessionServer(forgets=3)
    async with Target(script=server).serving() as target:
        run = await load(target, era="legacy", calls=40, workers=2, sessions=50, tool="t")

    calls = Counter(server.calls.values())
    lost = run["totals"]["failed"]
    assert lost in (9, 10), (
        "one caller may be a call ahead of the other, and has three that are right"
    )
    assert run["totals"]["right"] == 40 - lost
    assert calls[3] >= lost
    assert [(group["count"], group["text"]) for group in run["errors"]] == [
        (lost, "session lost: HTTP 404: JSON-RPC error -32600: Session not found")
    ]
    assert run["flow"]["sessions_lost"] == lost
    assert run["flow"]["sessions_opened"] == len(server.states)
    assert run["flow"]["sessions_reopened"] == len(server.states) - 2, (
        "two callers, one each at first"
    )


async def test_an_answer_of_another_session_is_a_failure():
    async with Target(script=SessionServer(swaps=True)).serving() as target:
        run = await load(target, era="legacy", calls=10, workers=2, sessions=5)

    assert run["totals"]["failed"] == run["flow"]["sessions_wrong"] == 10
    assert run["errors"][0]["text"] == "answer of another session"


async def test_a_server_without_sessions_is_called_without_an_id_and_reported():
    async with Target(script=SessionServer(gives_ids=False)).serving() as target:
        run = await load(target, era="legacy", calls=20, workers=1, sessions=5)

    assert run["totals"]["right"] == 20
    assert run["flow"]["sessions_without_id"] == run["flow"]["sessions_opened"] == 4
    assert not any(b"DELETE" in request for request in target.requests)


async def test_a_session_that_cannot_be_opened_fails_its_call():
    async with Target(fault=lambda n: "503").serving() as target:
        run = await load(target, era="legacy", calls=6, workers=2, sessions=5)

    assert run["totals"]["failed"] == run["flow"]["sessions_refused"] == 6
    assert run["errors"][0]["text"].startswith("no session: HTTP 503")


async def test_with_both_eras_only_legacy_calls_have_a_session():
    async with Target(script=SessionServer()).serving() as target:
        target.script = _either(SessionServer())
        run = await load(target, era="both", calls=40, workers=2, sessions=10)

    assert run["totals"]["right"] == 40
    modern = [request for request in target.requests if b"2026-07-28" in request]
    assert len(modern) == 20
    assert not any(b"Mcp-Session-Id" in request for request in modern)


def _either(server):
    from mcp_swarm_load.testing.behaviours import http, result

    def script(head, message):
        if b"2026-07-28" in head:
            return [(0.0, http(result(message, tools=[])))]
        return server(head, message)

    return script


@pytest.mark.processes
async def test_an_interrupted_run_closes_its_sessions():
    """This includes the session of a call in flight."""
    server = SessionServer()

    def hangs_once(head, message):
        parts = server(head, message)
        hangs = message.get("method") == "tools/call" and sum(server.calls.values()) == 20
        return [(60.0, part) for _, part in parts] if hangs else parts

    async with Target(script=hangs_once).serving() as target:
        process = await program(
            "--url", target.url, "--duration", "60", "--concurrent", "3",
            "--era", "legacy", "--sessions", "100000", "--tool", "t", "--think", "0.005",
        )  # fmt: skip
        await target.wait_for_requests(100)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 30)

    assert err == b""
    assert b"interrupted" in out
    assert list(server.states.values()) == ["closed"] * 3
