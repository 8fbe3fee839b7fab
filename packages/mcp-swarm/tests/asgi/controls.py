"""HTTP middleware that passes everything on, and bodies without limits."""

from lab.controls import nothing, pass_on_asgi
from mcp_swarm import framework
from mcp_swarm.asgi import body
from mcp_swarm.asgi.crash import CrashMiddleware
from mcp_swarm.asgi.disconnect import DisconnectMiddleware
from mcp_swarm.asgi.rpc_error import RpcErrorMiddleware


def bodies_of_any_size() -> None:
    """Bodies are read whole, however large they are and whatever they hold."""
    for name in ("_take", "_refuse_by_head", "_refuse_by_start", "_refuse_by_content"):
        setattr(body._LongBody, name, nothing)


CONTROLS = {
    "body-limit": bodies_of_any_size,
    "body-time": lambda: setattr(body, "SECONDS", 3600.0),
    "body-budget": lambda: setattr(body.Budget, "take", nothing),
    "client-requests": lambda: setattr(framework, "wrap_client_requests", nothing),
    "disconnect": lambda: setattr(DisconnectMiddleware, "__call__", pass_on_asgi),
    "rpc-error": lambda: setattr(RpcErrorMiddleware, "__call__", pass_on_asgi),
    "crash-answer": lambda: setattr(CrashMiddleware, "__call__", pass_on_asgi),
}
