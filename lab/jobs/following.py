"""Clients that follow their jobs over a stream."""

import asyncio
from contextlib import asynccontextmanager

from lab.jobs.wire import OPTED_IN, as_task
from lab.mcp_wire import answer, request, stream

ENDED = ("completed", "failed", "cancelled")


def listen(*task_ids, opted_in=True, **more):
    meta = {"_meta": OPTED_IN} if opted_in else {}
    return request(
        "subscriptions/listen", notifications={"taskIds": list(task_ids), **more}, **meta
    )


@asynccontextmanager
async def following(http, made, *task_ids, headers=None, **more):
    """What a stream was acknowledged, and its messages."""
    asked = listen(*task_ids, **more)
    asked["headers"] |= headers or {}
    async with http.stream("POST", made.url, **asked) as response:
        messages = stream(response)
        first = await asyncio.wait_for(anext(messages), 20)
        assert first["method"] == "notifications/subscriptions/acknowledged", first
        yield first["params"]["notifications"], messages


async def notified_until(messages, *states, words=""):
    """The tasks that were told of, up to the first in one of these states that says these words."""
    seen = []
    while not seen or not (
        seen[-1]["status"] in (states or ENDED) and words in seen[-1].get("statusMessage", "")
    ):
        message = await asyncio.wait_for(anext(messages), 40)
        assert message["method"] == "notifications/tasks", message
        assert message["params"].pop("_meta")["io.modelcontextprotocol/subscriptionId"] == 1
        seen.append(message["params"])
    return seen


async def created(http, made, tool, **arguments):
    return answer(await http.post(made.url, **as_task(tool, **arguments)))["result"]["taskId"]
