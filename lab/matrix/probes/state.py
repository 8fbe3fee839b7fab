"""What is kept from one request to the next."""

from pathlib import Path

import anyio
import httpx2
import pytest

from lab.deploy.session import Session, opened
from lab.matrix.caller import Caller, ToolFailedError, connected
from lab.matrix.modes import TOKEN
from lab.matrix.observation import WORKS, Seen, Trial, refused
from lab.mcp_wire import LEGACY, MODERN, call, events, request, text, with_headers


async def sessions(trial: Trial) -> Seen:
    """Opened once, known to every replica, ended once."""
    async with _http() as http:
        if trial.era == "modern":
            response = await http.post(trial.service.url, **request("server/discover"))
            assert "Mcp-Session-Id" not in response.headers
            opening = await http.get(trial.service.url, headers={"MCP-Protocol-Version": MODERN})
            assert opening.status_code == 405
            return Seen("absent", "basic/index: statelessness")
        if not trial.service.mode.stateful:
            response = await http.post(trial.service.url, **call("echo", "legacy", text="x"))
            assert "Mcp-Session-Id" not in response.headers
            return Seen("absent", "transports: a server MAY assign a session")
        session = await opened(http, trial.service.url)
        met = [await session.call("echo", text="x") for _ in range(6)]
        assert [text(response) for response in met] == ["x"] * 6
        served = {response.headers["X-Served-By"] for response in met}
        assert len(served) == (1 if trial.service.mode.sticky else trial.service.mode.count)
        ended = await http.delete(
            trial.service.url,
            headers={"Mcp-Session-Id": session.id, "MCP-Protocol-Version": LEGACY},
        )
        assert ended.status_code in (200, 204)
        after = [(await session.call("echo", text="x")).status_code for _ in range(3)]
        assert after == [404] * 3
    return WORKS


async def session_state(trial: Trial) -> Seen:
    """`ctx.set_state` in one call, `ctx.get_state` in later ones."""
    async with connected(trial.service, trial.era) as caller:
        if trial.era == "modern":
            with pytest.raises(ToolFailedError, match="UserSession"):
                await caller.call("keep", value="blue")
            return Seen("absent", "keep")
        await caller.call("keep", value="blue")
        found = {await caller.call("kept") for _ in range(3)}
    if found == {"None"}:
        return Seen("dropped", "keep")
    assert found == {"blue"}
    return WORKS


async def caller_state(trial: Trial) -> Seen:
    """`UserSession`: kept for who calls, in whatever session and on whatever replica."""
    fact = trial.folder.name
    async with connected(trial.service, trial.era) as caller:
        await caller.call("remember", fact=fact)
        found = [await _elsewhere(caller, "recall") for _ in range(3)]
    if found != [fact] * 3:
        assert found.count(fact) == 1, "each recall meets another replica"
        return Seen("dropped", f"{found}")
    return WORKS


async def _elsewhere(caller: Caller, tool: str, **arguments: str) -> str:
    """What `tool` says to the same caller on the next replica.

    A session may keep to one replica, so that a client up to 2025-11-25 opens another one.
    """
    if caller.era == "modern":
        return await caller.call(tool, **arguments)
    failed = None
    async with connected(caller.service, caller.era) as another:
        try:
            return await another.call(tool, **arguments)
        except ToolFailedError as error:
            failed = error  # raised out here, as the client would wrap it in a group
    raise failed


async def state_by_id(trial: Trial) -> Seen:
    """`SessionId`: kept under an id that the client brings along, on whatever replica."""
    async with connected(trial.service, trial.era) as caller:
        name = await caller.call("create_session")
        try:
            await caller.call("put", session_id=name, value="blue")
            found = [await _elsewhere(caller, "take", session_id=name) for _ in range(3)]
        except ToolFailedError as error:
            return refused(error)
    assert found == ["blue"] * 3
    return WORKS


async def resumption(trial: Trial) -> Seen:
    """A stream that was cut during a call is resumed by `Last-Event-ID`: what was missed, once."""
    if trial.era == "modern":
        return Seen("absent", "no Last-Event-ID: a call whose stream broke is made again")
    if not trial.service.mode.stateful:
        return Seen("absent", "a stream is resumed in a session")
    gate = trial.folder / "gate"
    async with _http() as http:
        session = await opened(http, trial.service.url)
        last = await _cut_in_mid_call(http, session, gate, trial.timeout)
        if last is None:
            return Seen("absent", "there is no event with an id")
        headers = {
            "Accept": "text/event-stream",
            "Mcp-Session-Id": session.id,
            "MCP-Protocol-Version": LEGACY,
            "Last-Event-ID": last,
        }
        async with http.stream("GET", trial.service.url, headers=headers) as response:
            assert response.status_code == 200
            missed = []
            async for line in response.aiter_lines():
                missed += list(events(line))
                if missed and "result" in missed[-1]:
                    break
    assert [message.get("method", "result") for message in missed] == [
        "notifications/progress",
        "result",
    ]
    assert missed[-1]["result"]["content"][0]["text"] == "let go"
    return WORKS


async def _cut_in_mid_call(
    http: httpx2.AsyncClient, session: Session, gate: Path, timeout: float
) -> str | None:
    """Begins a call, hears its first word, and hangs up: the id of that event, if there is one."""
    made = call("hold", "legacy", gate=str(gate))
    made["json"]["params"]["_meta"] = {"progressToken": "t"}
    sent = with_headers(made, Mcp_Session_Id=session.id)
    last, heard = None, False
    async with anyio.create_task_group() as group:
        group.start_soon(_open, gate, timeout)  # an answer in JSON comes only after that
        async with http.stream("POST", session.url, **sent) as response:
            async for line in response.aiter_lines():
                if line.startswith("id:"):
                    last = line.removeprefix("id:").strip()
                heard = heard or "notifications/progress" in line
                if heard and not line:
                    break
        group.cancel_scope.cancel()
    gate.touch()  # noqa: ASYNC240 - a file of the test
    return last


async def _open(gate: Path, after: float) -> None:
    await anyio.sleep(after)
    gate.touch()  # noqa: ASYNC240 - a file of the test


def _http() -> httpx2.AsyncClient:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return httpx2.AsyncClient(headers=headers, timeout=30, verify=False, trust_env=False)
