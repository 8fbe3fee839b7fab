"""What a tool may demand of a request: a capability, a header that mirrors an argument."""

from typing import Annotated

from fastmcp import Context
from fastmcp.tools import tool
from mcp import MCPError
from mcp_types import MISSING_REQUIRED_CLIENT_CAPABILITY
from pydantic import Field


@tool
def test_missing_capability(ctx: Context) -> str:
    """Refuse a client that did not declare sampling (SEP-2575, -32021)."""
    params = ctx.session.client_params
    if params is None or params.capabilities.sampling is None:
        raise MCPError(
            code=MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="This tool needs a client that declares the sampling capability",
            data={"requiredCapabilities": {"sampling": {}}},
        )
    return "The client can sample"


@tool
def test_x_mcp_header(
    region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})],
) -> str:
    """Take an argument that a balancer can read in the header Mcp-Param-Region (SEP-2243)."""
    return f"Region: {region}"
