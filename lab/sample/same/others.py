"""Resources and prompts of every shape."""

from fastmcp.exceptions import ResourceError
from fastmcp.prompts import Message, prompt
from fastmcp.resources import resource
from fastmcp.resources.base import ResourceContent, ResourceResult
from fastmcp.server.auth import require_scopes


@resource("same://text")
async def text() -> str:
    return "ä €"


@resource("same://bytes", mime_type="image/png")
def some_bytes() -> bytes:
    return b"\x89PNG"


@resource("same://several")
async def several() -> ResourceResult:
    return ResourceResult([ResourceContent("a"), ResourceContent(b"b", mime_type="x/y")])


@resource("same://json", mime_type="application/json")
async def some_json() -> dict[str, object]:
    return {"a": [None, 1.5]}


@resource("same://fails/{how}")
async def fails(how: str) -> str:
    raise ResourceError("told") if how == "told" else ValueError("hunter2")


@resource("same://kept/{name}", auth=require_scopes("admin"))
async def kept(name: str) -> str:
    return name


@prompt
async def plain(name: str, times: int = 1) -> str:
    """Greets."""
    return f"Hello {name} " * times


@prompt(auth=require_scopes("admin"))
def several_messages() -> list[Message]:
    return [Message("a"), Message({"b": None}, role="assistant")]


@prompt
async def broken() -> str:
    raise ValueError("hunter2")
