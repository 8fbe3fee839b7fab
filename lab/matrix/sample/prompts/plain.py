"""A prompt."""

from fastmcp.prompts import prompt


@prompt
def greet(name: str) -> str:
    """A greeting."""
    return f"Greet {name}."
