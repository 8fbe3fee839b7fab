"""What a tool can ask of its client in the middle of a call."""

from typing import Any

import mcp_types as types
from mcp import MCPError

from lab.matrix.caller import ToolFailedError, connected
from lab.matrix.observation import WORKS, Seen, Trial, refused


async def fill_in(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
    """What the user answers."""
    return types.ElicitResult(action="accept", content={"width": 7})


async def think(
    context: Any, params: types.CreateMessageRequestParams
) -> types.CreateMessageResult:
    """What the client's model answers."""
    content = types.TextContent(type="text", text="short")
    return types.CreateMessageResult(role="assistant", model="model", content=content)


async def folders(context: Any) -> types.ListRootsResult:
    """What the client works in."""
    return types.ListRootsResult(roots=[types.Root(uri="file:///work")])


async def _asked(trial: Trial, tool: str, expected: str, **callbacks: Any) -> Seen:
    """`tool` asks, on each replica in turn."""
    async with connected(trial.service, trial.era, **callbacks) as caller:
        for _ in range(3):
            try:
                assert await caller.call(tool) == expected
            except (MCPError, ToolFailedError) as error:
                return refused(error)
    return WORKS


async def elicitation(trial: Trial) -> Seen:
    """The user fills in a form."""
    return await _asked(trial, "measure", "7 wide", elicitation_callback=fill_in)


async def sampling(trial: Trial) -> Seen:
    """The client's model writes something."""
    return await _asked(trial, "summarise", "model: short", sampling_callback=think)


async def roots(trial: Trial) -> Seen:
    """The client tells its folders."""
    return await _asked(trial, "places", "file:///work", list_roots_callback=folders)


async def at_once(trial: Trial) -> Seen:
    """While a tool waits for the user, the client makes other calls, and then answers."""
    between = []

    async def call_and_fill_in(context: Any, params: Any) -> types.ElicitResult:
        between.append([await caller.call("echo", text=str(n)) for n in range(3)])
        return await fill_in(context, params)

    async with connected(trial.service, trial.era, elicitation_callback=call_and_fill_in) as caller:
        try:
            assert await caller.call("measure") == "7 wide"
        except (MCPError, ToolFailedError) as error:
            return refused(error)
    assert between == [["0", "1", "2"]]
    return WORKS
