"""Completes a mix: tools without arguments get those that their schema at the target requires."""

from __future__ import annotations

import difflib
import itertools
from dataclasses import replace
from time import perf_counter_ns
from typing import Any

from mcp_swarm_load.measure.result import Result
from mcp_swarm_load.plan import Plan
from mcp_swarm_load.target.pool import ConnectionPool, TargetError
from mcp_swarm_load.traffic.callers import make_callers
from mcp_swarm_load.traffic.calls import Call
from mcp_swarm_load.traffic.mix import Kind, tool_params
from mcp_swarm_load.traffic.sessions import SessionError, Sessions
from mcp_swarm_load.traffic.values import from_schema

_MAX_PAGES = 100


class MixError(Exception):
    """A mix names a tool that the target does not have. The message lists its tools."""


async def resolve(plan: Plan) -> Plan:
    """Returns the plan with arguments for all of its calls.

    Raises MixError for an unknown tool, and TargetError if the tools cannot be listed.
    """
    if all(kind.params is not None for kind in plan.kinds):
        return plan
    schemas = await _tools(plan)
    return replace(plan, mix=tuple(_with_arguments(kind, schemas) for kind in plan.mix))


def _with_arguments(kind: Kind, schemas: dict[str, Any]) -> Kind:
    if kind.params is not None:
        return kind
    name = str(kind.tool)
    if name not in schemas:
        near = difflib.get_close_matches(name, schemas, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        known = ", ".join(sorted(schemas)) or "none"
        raise MixError(f"the target has no tool {name!r}. {hint}Its tools: {known}")
    return replace(kind, params=tool_params(name, from_schema(schemas[name])))


async def _tools(plan: Plan) -> dict[str, Any]:
    """Returns the input schema of each tool at the target, by name."""
    pool = ConnectionPool(plan.url, timeout=plan.timeout, keep_alive=True, ca=plan.ca)
    await pool.start()
    numbers = itertools.count(1)

    async def make_call(call: Call, headers: bytes) -> Any:
        number = next(numbers)
        exchange = await pool.send(call.render(number, headers), perf_counter_ns())
        return exchange, call.judge(number, exchange)

    caller, into = make_callers(1, plan.tokens, plan.headers)[0], Result(0)
    headers = caller.headers
    era = plan.eras[0]
    sessions = Sessions(
        plan.url,
        make_call,
        lambda request: pool.send(request, perf_counter_ns()),
        1,
        keep_alive=True,
        token=plan.token,
    )
    try:
        if plan.sessions and era == "legacy":
            session = await sessions.take(caller, into)
            caller.idle.append(session)
            headers = session.headers
        found: dict[str, Any] = {}
        params: dict[str, Any] = {}
        for _ in range(_MAX_PAGES):
            call = Call(plan.url, era, "tools/list", params, token=plan.token)
            exchange, wrong = await make_call(call, headers)
            if wrong:
                raise TargetError(f"cannot list the tools of {plan.shown_url}: {wrong}")
            found |= {
                tool["name"]: tool.get("inputSchema") or {} for tool in exchange.result["tools"]
            }
            if not exchange.result.get("nextCursor"):
                break
            params = {"cursor": exchange.result["nextCursor"]}
        await sessions.close_all([caller], into)
        return found
    except SessionError as error:
        raise TargetError(f"cannot list the tools of {plan.shown_url}: {error}") from None
    finally:
        await pool.stop()
