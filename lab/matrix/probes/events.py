"""What a client hears outside any call: something changed, fetch it again."""

from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import MCPDeprecationWarning, MCPError
from mcp.server.subscriptions import ResourceUpdated, ToolsListChanged

from lab.matrix.caller import Caller, connected, until
from lab.matrix.observation import WORKS, Seen, Trial

COLOUR = "matrix://colour"


async def subscriptions(trial: Trial) -> Seen:
    """One stream on one replica hears of a resource that every replica says has changed."""
    async with connected(trial.service, trial.era) as caller:
        if trial.era == "modern":
            async with caller.client.listen(resource_subscriptions=[COLOUR]) as listening:
                for _ in range(3):
                    await caller.call("paint", uri=COLOUR)
                    if await _next(trial, listening) != ResourceUpdated(uri=COLOUR):
                        return Seen("dropped")
            return WORKS
        with pytest.warns(MCPDeprecationWarning):
            if not caller.client.server_capabilities.resources.subscribe:
                with pytest.raises(MCPError, match="Method not found"):
                    await caller.client.subscribe_resource(COLOUR)
                return Seen("absent", "not offered")
            await caller.client.subscribe_resource(COLOUR)
        return await _heard(trial, caller, "paint", types.ResourceUpdatedNotification, uri=COLOUR)


async def list_changed(trial: Trial) -> Seen:
    """One stream on one replica hears of a tool list that every replica says has changed."""
    async with connected(trial.service, trial.era) as caller:
        if trial.era == "legacy":
            if not caller.client.server_capabilities.tools.list_changed:
                return Seen("absent", "not offered")
            return await _heard(trial, caller, "extend", types.ToolListChangedNotification)
        async with caller.client.listen(tools_list_changed=True) as listening:
            for _ in range(3):
                await caller.call("extend")
                if await _next(trial, listening) != ToolsListChanged():
                    return Seen("dropped")
    return WORKS


async def _heard(trial: Trial, caller: Caller, tool: str, kind: type, **arguments: str) -> Seen:
    """Whether a client up to 2025-11-25 hears of three calls of `tool` by three others."""
    assert await until(lambda: caller.listens)
    for times in range(1, 4):
        # Another client, as a session of its own keeps to one replica where the balancer is sticky.
        async with connected(trial.service, trial.era) as other:
            await other.call(tool, **arguments)
        if not await until(
            lambda n=times: len([m for m in caller.changes if isinstance(m, kind)]) >= n,
            trial.timeout,
        ):
            return Seen("dropped")
    return WORKS


async def _next(trial: Trial, listening: Any) -> Any:
    """The next event of a subscription, or None if none comes in time."""
    with anyio.move_on_after(trial.timeout):
        return await anext(listening)
    return None
