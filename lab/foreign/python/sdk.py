"""The official Python SDK 1.x."""

import calls
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.exceptions import McpError


async def use(url, found):
    async with (
        streamablehttp_client(url) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()

        async def call(tool, arguments, progress):
            return (await session.call_tool(tool, arguments, progress_callback=progress)).isError

        found["calls"] = calls.Calls(call, McpError)
        await found["calls"].run()


calls.main(use)
