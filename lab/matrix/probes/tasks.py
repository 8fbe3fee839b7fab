"""Work that outlasts the call that began it."""

import json
from pathlib import Path
from typing import Any

import anyio
import httpx2

from lab.matrix.caller import TIMEOUT, Caller, connected
from lab.matrix.modes import TOKEN
from lab.matrix.observation import WORKS, Seen, Trial
from lab.mcp_wire import answer, request, with_headers

KNOWS_TASKS = {
    "io.modelcontextprotocol/clientCapabilities": {
        "extensions": {"io.modelcontextprotocol/tasks": {}}
    }
}


async def long_tasks(trial: Trial) -> Seen:
    """Begun by one request, run in the background, its progress and result told by others."""
    heard = trial.folder / "heard"  # the job ends only after its progress was
    if trial.era == "legacy":  # by tools, as its protocol has nothing for it
        async with connected(trial.service, trial.era) as caller:
            return await _as_job(caller, heard)
    return await _as_task(trial, heard)


async def _as_task(trial: Trial, heard: Path) -> Seen:
    """By hand, as the official client does not know the tasks extension."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    build = {"parts": 5, "heard": str(heard)}
    async with httpx2.AsyncClient(headers=headers, timeout=30, verify=False) as http:
        made = request("tools/call", name="build", arguments=build, _meta=KNOWS_TASKS)
        task = answer(await http.post(trial.service.url, **made))["result"]
        assert task["resultType"] == "task"
        about = request("tasks/get", taskId=task["taskId"], _meta=KNOWS_TASKS)
        about = with_headers(about, Mcp_Name=task["taskId"])
        with anyio.fail_after(TIMEOUT * 2):  # also until it is refused
            while task["status"] != "completed":
                await anyio.sleep(0.1)
                found = answer(await http.post(trial.service.url, **about))
                if "error" in found:
                    return Seen("refused", found["error"]["message"])
                task = found["result"]
                if task.get("statusMessage", "").startswith("100%"):
                    await anyio.Path(heard).touch()
    assert task["result"]["content"][0]["text"] == "built of 5 parts"
    return WORKS


async def _as_job(caller: Caller, heard: Path) -> Seen:
    build = {"parts": 5, "heard": str(heard)}
    submitted = json.loads(await caller.call("submit_job", tool="build", arguments=build))
    job: dict[str, Any] = {"job_id": submitted["job_id"]}
    reported: dict[str, Any] = {"state": "queued"}
    with anyio.fail_after(TIMEOUT * 2):
        while reported["state"] != "completed":
            await anyio.sleep(0.1)
            reported = json.loads(await caller.call("job_status", **job))
            if reported.get("fraction") == 1:
                await anyio.Path(heard).touch()
    assert await caller.call("job_result", **job) == "built of 5 parts"
    return WORKS
