"""One way to fail, or to speak, each."""

import httpx2
from fastmcp import Context
from fastmcp.exceptions import ToolError
from fastmcp.tools import tool


@tool
async def says_no(name: str) -> str:
    raise ToolError(f"there is no customer {name} here:\nask for another")


@tool
async def has_a_bug() -> str:
    return {}["missing"]  # type: ignore[no-any-return]


@tool
async def upstream_fails() -> str:
    request = httpx2.Request("GET", "http://upstream.example/")
    httpx2.Response(503, request=request).raise_for_status()
    return "never"


@tool
async def says_something(ctx: Context) -> str:
    await ctx.info("something")
    return "said"
