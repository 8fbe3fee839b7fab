"""Change the lists of tools and prompts while clients listen.

Each list is changed back at once: replicas behind a balancer must agree on what they offer.
"""

from fastmcp import Context
from fastmcp.prompts import Prompt
from fastmcp.tools import Tool, tool
from mcp.server.subscriptions import PromptsListChanged, ToolsListChanged

from mcp_swarm import publish


def test_dynamic_tool() -> str:
    """Exist for a moment only."""
    return "Here for a moment"


def test_dynamic_prompt() -> str:
    """Exist for a moment only."""
    return "Here for a moment"


@tool
async def test_trigger_tool_change(ctx: Context) -> str:
    """Add a tool, take it away, and tell the listeners both times."""
    ctx.fastmcp.add_tool(Tool.from_function(test_dynamic_tool))
    await publish(ToolsListChanged())
    ctx.fastmcp.local_provider.remove_tool("test_dynamic_tool")
    await publish(ToolsListChanged())
    return "The list of tools changed and changed back"


@tool
async def test_trigger_prompt_change(ctx: Context) -> str:
    """Add a prompt, take it away, and tell the listeners both times."""
    ctx.fastmcp.add_prompt(Prompt.from_function(test_dynamic_prompt))
    await publish(PromptsListChanged())
    ctx.fastmcp.local_provider.remove_prompt("test_dynamic_prompt")
    await publish(PromptsListChanged())
    return "The list of prompts changed and changed back"
