"""Calls without limits, and FastMCP with its own default for one of the options that we pass."""

from collections.abc import Callable
from typing import Any

from lab.controls import pass_on
from mcp_swarm import build
from mcp_swarm.app import App
from mcp_swarm.calls.concurrency import ConcurrencyMiddleware
from mcp_swarm.calls.timeout import CallTimeoutMiddleware


def plain_fastmcp(**options: Any) -> Callable[[], None]:
    """FastMCP with other options than ours."""

    class Plain(App):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, **options})

    return lambda: setattr(build, "App", Plain)


CONTROLS = {
    "call-timeout": lambda: setattr(CallTimeoutMiddleware, "_limited", pass_on),
    "concurrency-limit": lambda: setattr(ConcurrencyMiddleware, "on_component", pass_on),
    "masking": plain_fastmcp(mask_error_details=False),
    "strict-input": plain_fastmcp(strict_input_validation=False),
}
