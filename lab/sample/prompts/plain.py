"""Prompts: a quick and a slow one."""

import asyncio

from fastmcp.prompts import prompt


@prompt
def greet(name: str) -> str:
    """Ask for a greeting."""
    return f"Greet {name}."


@prompt
async def ponder() -> str:
    """A prompt that takes a minute."""
    await asyncio.sleep(60)
    return "Think."
