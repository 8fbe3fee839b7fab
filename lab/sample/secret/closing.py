"""A tool that takes a resource away from everyone."""

from fastmcp import Context
from fastmcp.tools import tool


@tool
def close_plans(ctx: Context) -> str:
    """Hide the plan."""
    ctx.fastmcp.disable(keys={"resource:secret://plan@"})
    return "hidden"
