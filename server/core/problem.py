"""Refusals outside MCP, as problem details (RFC 9457)."""

from starlette.responses import JSONResponse


def problem(status: int, title: str, detail: str) -> JSONResponse:
    """An ``application/problem+json`` response: `detail` tells the caller the next step."""
    return JSONResponse(
        {"type": "about:blank", "status": status, "title": title, "detail": detail},
        status_code=status,
        media_type="application/problem+json",
    )
