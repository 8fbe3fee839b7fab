"""What a client hears of a call before it ends, and can still do about it."""

from typing import Any

import anyio
from mcp import Client

from lab.matrix.caller import Caller, connected, until
from lab.matrix.observation import WORKS, Seen, Trial

ANSWERED = "200 POST /mcp tools/call hold"  # as a replica logs it


async def logs(trial: Trial) -> Seen:
    """Messages of `ctx.info`, one from each replica."""
    async with connected(trial.service, trial.era) as caller:
        for number in range(3):
            assert await caller.call("tell", text=f"line {number}") == "told"
        if not await until(lambda: len(caller.logs) == 3, trial.timeout):
            assert caller.logs == []
            return Seen("dropped", "tell")
        assert [line["msg"] for line in caller.logs] == ["line 0", "line 1", "line 2"]
    return WORKS


async def progress(trial: Trial) -> Seen:
    """Three steps of `ctx.report_progress`, before the answer, from each replica."""
    async with connected(trial.service, trial.era) as caller:
        for _ in range(3):
            steps: list[float] = []
            result = await _with_progress(caller, "count", steps, to=3)
            assert result.content[0].text == "counted to 3"
            if not steps:
                return Seen("dropped", "count")
            assert steps == [1, 2, 3]
    return WORKS


async def streamed_results(trial: Trial) -> Seen:
    """What a tool says is there while it still works: it ends only after that was heard."""
    gate = trial.folder / "gate"
    steps: list[float] = []
    async with connected(trial.service, trial.era) as caller, anyio.create_task_group() as group:
        group.start_soon(lambda: _with_progress(caller, "hold", steps, gate=str(gate)))
        heard = await until(lambda: steps == [1], trial.timeout)
        gate.touch()
    return WORKS if heard else Seen("dropped", "hold")


async def cancellation(trial: Trial) -> Seen:
    """A client that gives a call up stops the tool, whichever replica runs it."""
    gate = trial.folder / "gate"
    begun, stopped = trial.folder / "gate.begun", trial.folder / "gate.cancelled"
    answered = trial.service.log.count(ANSWERED)
    async with connected(trial.service, trial.era) as caller:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: caller.call("hold", gate=str(gate)))
            assert await until(begun.exists)
            group.cancel_scope.cancel()
        seen = await until(stopped.exists, trial.timeout)
        gate.touch()
        assert await caller.call("echo", text="still here") == "still here"
        if not seen:  # its late answer comes yet, and the client fails if it is leaving just then
            assert await until(lambda: trial.service.log.count(ANSWERED) > answered)
            await anyio.sleep(1)
    return WORKS if seen else Seen("dropped", "hold")


async def _with_progress(caller: Caller, tool: str, steps: list[float], **arguments: Any) -> Any:
    async def note(done: float, total: float | None, message: str | None) -> None:
        steps.append(done)

    client: Client = caller.client
    return await client.call_tool(tool, arguments, progress_callback=note)
