"""Completes calls that need several requests: input rounds and long tasks (2026-07-28).

When a server requests input, the call is repeated with the input and the server's request state,
up to MAX_ROUNDS times. A task is polled until it ends, at the server's interval.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult

from mcp_swarm_load.measure.result import Result
from mcp_swarm_load.target.connection import Exchange
from mcp_swarm_load.traffic.answers import rpc_failure
from mcp_swarm_load.traffic.arguments import arguments_for
from mcp_swarm_load.traffic.calls import Call, Features
from mcp_swarm_load.traffic.sessions import MakeCall

MAX_ROUNDS = 10
MAX_TASK_SECONDS = 300.0
_POLL_SECONDS = 1.0
"""Poll interval if the server gives none."""
_MIN_POLL_SECONDS = 0.01


class Rounds:
    """Completes calls. `options` go to every Call."""

    def __init__(self, url: SplitResult, make_call: MakeCall, **options: Any) -> None:
        self._url, self._make_call, self._options = url, make_call, options

    async def finish(
        self, call: Call, exchange: Exchange, wrong: str, headers: bytes, into: Result
    ) -> tuple[Exchange, str]:
        """Completes a call whose first answer was `exchange`.

        Returns the last exchange and what is wrong with it. The exchange gets the first one's times
        of sending and of the first byte, so that latency covers the whole call.
        """
        first, rounds = exchange, 0
        while exchange.result is not None and wrong:
            kind, result = exchange.result.get("resultType"), exchange.result
            if kind == "input_required" and call.features.answers is not None:
                rounds += 1
                if rounds > MAX_ROUNDS:
                    wrong = f"more than {MAX_ROUNDS} input rounds"
                    break
                next_call = call.varied(
                    {**call.params, **_input_responses(result, call.features.answers)}
                )
                into.add_extra(exchange)
                into.flow.rounds += 1
                exchange, wrong = await self._make_call(next_call, headers)
            elif kind == "task" and call.features.tasks:
                into.add_extra(exchange)
                into.flow.tasks_started += 1
                exchange, wrong = await self._task(call, result, headers, into)
                into.flow.tasks_completed += not wrong
                break
            else:
                break
        exchange.due, exchange.sent, exchange.first_byte = first.due, first.sent, first.first_byte
        return exchange, wrong

    async def _task(
        self, call: Call, task: Mapping[str, Any], headers: bytes, into: Result
    ) -> tuple[Exchange, str]:
        """Polls until the task ends. Returns the last poll and what is wrong with the task."""
        name = task.get("taskId")
        get = self._call("tasks/get", {"taskId": name})
        loop = asyncio.get_running_loop()
        end = loop.time() + MAX_TASK_SECONDS
        while True:
            await asyncio.sleep(_interval(task))
            into.flow.task_polls += 1
            exchange, wrong = await self._make_call(get, headers)
            if wrong or exchange.result is None:
                return exchange, f"tasks/get: {wrong}"
            task = exchange.result
            match task.get("status"):
                case "completed":
                    result = task.get("result")
                    if not isinstance(result, dict):
                        return exchange, "a completed task has no result"
                    return exchange, call.judge_result(result)
                case "failed":
                    return exchange, f"task failed: {rpc_failure(task.get('error'))}"
                case "cancelled":
                    return exchange, "the task was cancelled"
            if loop.time() > end:
                return exchange, f"task not done within {MAX_TASK_SECONDS:g} s"
            into.add_extra(exchange)
            if task.get("status") == "input_required":
                reply = _input_responses(task, call.features.answers or {})
                update = self._call("tasks/update", {"taskId": name, **reply})
                exchange, wrong = await self._make_call(update, headers)
                if wrong:
                    return exchange, f"tasks/update: {wrong}"
                into.add_extra(exchange)
                into.flow.rounds += 1

    def _call(self, method: str, params: Mapping[str, Any]) -> Call:
        features = Features(answers={}, tasks=True)
        return Call(self._url, "modern", method, params, features=features, **self._options)


def _interval(task: Mapping[str, Any]) -> float:
    """Returns the server's poll interval (`pollIntervalMs`) in seconds."""
    wanted = task.get("pollIntervalMs", task.get("pollInterval"))
    seconds = wanted / 1000 if isinstance(wanted, int | float) else _POLL_SECONDS
    return max(_MIN_POLL_SECONDS, seconds)


def _input_responses(result: Mapping[str, Any], answers: Mapping[str, Any]) -> dict[str, Any]:
    """Returns responses to all input requests, and the opaque request state unchanged."""
    requests = result.get("inputRequests") or {}
    reply: dict[str, Any] = {
        "inputResponses": {
            name: _answer(request, answers.get(name)) for name, request in requests.items()
        }
    }
    if "requestState" in result:
        reply["requestState"] = result["requestState"]
    return reply


def _answer(request: Any, given: Any) -> dict[str, Any]:
    """Returns the response to one input request: the given content, else minimal valid content."""
    request = request if isinstance(request, dict) else {}
    params = request.get("params") or {}
    match request.get("method"):
        case "sampling/createMessage":
            text = given if isinstance(given, str) else "ok"
            content = {"type": "text", "text": text}
            return {
                "role": "assistant",
                "content": content,
                "model": "none",
                "stopReason": "endTurn",
            }
        case "roots/list":
            return {"roots": given if isinstance(given, list) else []}
    if isinstance(given, dict) and "action" in given:
        return given
    if given is None:
        given = arguments_for(params.get("requestedSchema") or {})
    return {"action": "accept", "content": given}
