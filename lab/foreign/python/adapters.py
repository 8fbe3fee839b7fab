"""langchain-mcp-adapters: tools of LangChain over one session."""

import calls
from langchain_core.tools import ToolException
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools
from mcp.shared.exceptions import McpError


async def use(url, found):
    server = {"transport": "streamable_http", "url": url}
    async with MultiServerMCPClient({"swarm": server}).session("swarm") as session:
        tools = {tool.name: tool for tool in await load_mcp_tools(session)}

        async def call(tool, arguments, progress):  # cannot ask for progress call by call
            await tools[tool].ainvoke(arguments)
            return False

        found["calls"] = calls.Calls(call, (McpError, ToolException))
        await found["calls"].run()


calls.main(use)
