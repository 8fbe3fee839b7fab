"""A confirmation that counts as often as it is sent, and a timeout that runs while the user thinks."""

import contextlib

from lab.controls import pass_on
from mcp_swarm import build
from mcp_swarm.ask.request_state import SingleUse

CONTROLS = {
    "paused-timeout": lambda: setattr(build, "timeout_paused", contextlib.nullcontext),
    "single-use": lambda: setattr(SingleUse, "on_component", pass_on),
}
