"""Resources: quick, slow, and failing ones."""

import asyncio

from fastmcp.resources import resource


@resource("sample://greeting")
def greeting() -> str:
    """A text."""
    return "hello"


@resource("sample://slow")
async def slow() -> str:
    """A text that takes a minute."""
    await asyncio.sleep(60)
    return "at last"


@resource("sample://square/{number}")
def square(number: int) -> str:
    """The square of a number: a template."""
    return str(number * number)


@resource("sample://broken")
def broken() -> str:
    """Fails with an error that tells a secret."""
    raise RuntimeError("the password is hunter2")
