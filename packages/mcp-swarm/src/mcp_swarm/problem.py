"""HTTP errors outside of MCP, as problem details (RFC 9457)."""

from starlette.requests import Request
from starlette.responses import JSONResponse


def problem(status: int, title: str, detail: str) -> JSONResponse:
    """Returns an ``application/problem+json`` response; `detail` names the next step."""
    return JSONResponse(
        {"type": "about:blank", "status": status, "title": title, "detail": detail},
        status_code=status,
        media_type="application/problem+json",
    )


def too_large(limit: int) -> JSONResponse:
    """Returns the error of a body of more than `limit` bytes."""
    return problem(
        413,
        "Content Too Large",
        f"The body is larger than {limit} bytes (MCP_BODY_LIMIT). Send less at once, or ask the "
        "operator to raise the limit.",
    )


async def not_found(request: Request, _: Exception) -> JSONResponse:
    """Returns the error of a path without a route, such as ``/.well-known/`` of OAuth clients."""
    return problem(404, "Not Found", f"Nothing is served at {request.url.path!r}. MCP is at /mcp.")
