"""Tools that only answer."""

from fastmcp.tools import tool


@tool
def echo(text: str) -> str:
    """Give back what came."""
    return text


@tool(output_schema=None)  # else it would be sent twice, as text and as structured content
def large(size: int) -> str:
    """A result of `size` characters."""
    return ("0123456789abcdef" * (size // 16 + 1))[:size]
