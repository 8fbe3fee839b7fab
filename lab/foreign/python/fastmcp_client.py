"""The client of FastMCP 3."""

import calls
from fastmcp import Client
from mcp.shared.exceptions import McpError


async def use(url, found):
    async with Client(url) as client:

        async def call(tool, arguments, progress):  # asks for progress by itself
            result = await client.call_tool(tool, arguments, raise_on_error=False)
            return result.is_error

        found["calls"] = calls.Calls(call, McpError)
        await found["calls"].run()


calls.main(use)
