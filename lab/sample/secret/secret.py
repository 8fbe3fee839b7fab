"""Resources that not everyone may read."""

from fastmcp.resources import resource
from fastmcp.server.auth import require_scopes


@resource("secret://plan", auth=require_scopes("plans"))
def plan() -> str:
    """For who may see plans."""
    return "the plan"


@resource("secret://plan/{part}", auth=require_scopes("plans"))
def part(part: str) -> str:
    """The same, of a part."""
    return part
