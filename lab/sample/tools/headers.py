"""A tool that mirrors an argument into a header (2026-07-28, x-mcp-header)."""

from typing import Annotated

from fastmcp.tools import tool
from pydantic import Field


@tool
def ship(
    region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})], crates: int
) -> str:
    """Ship `crates` to `region`, which a router can read without the body."""
    return f"{crates} to {region}"
