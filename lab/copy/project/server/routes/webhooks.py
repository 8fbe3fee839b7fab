"""What the CRM calls."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mcp_swarm import route


@route("/webhooks/crm", methods=["POST"])
async def changed(request: Request) -> Response:
    """Takes a change of a lead. The CRM sends a token, as every caller does."""
    change = await request.json()
    return JSONResponse({"seen": change["lead"]}, status_code=202)


@route("/about", public=True)
async def about(_: Request) -> Response:
    """Says whose service this is, to anybody."""
    return JSONResponse({"service": "acme-crm"})
