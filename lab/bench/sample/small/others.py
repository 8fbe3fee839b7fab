"""A resource and a prompt."""

from fastmcp.prompts import prompt
from fastmcp.resources import resource


@resource("bench://text", mime_type="text/plain")
async def text() -> str:
    """A short text."""
    return "x" * 200


@prompt
async def greet(name: str) -> str:
    """Greet somebody."""
    return f"Hello, {name}."
