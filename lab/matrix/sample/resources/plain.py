"""A resource, and one with a parameter."""

from fastmcp.resources import resource


@resource("matrix://colour", mime_type="text/plain")
def colour() -> str:
    """A colour."""
    return "blue"


@resource("matrix://twice/{number}", mime_type="text/plain")
def twice(number: str) -> str:
    """Twice the number."""
    return str(2 * int(number))
