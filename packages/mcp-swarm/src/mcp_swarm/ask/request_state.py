"""The request state of input rounds (2026-07-28): any replica can open it, and it can be used once.

``MCP_REQUEST_STATE_KEYS`` seal it (encrypt and authenticate). A state can mean "the user has agreed":
sent twice, the action would run twice, which the seal does not prevent (2026-07-28,
basic/patterns/mrtr, the warning on single use). So each state is consumed before its call runs, on
all replicas if ``REDIS_URL`` names a Redis.
"""

import hashlib
import time
from collections import OrderedDict
from contextvars import ContextVar
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol

import mcp_types as types
from fastmcp.server.middleware import CallNext, MiddlewareContext
from mcp.server.context import CallNext as SdkCallNext
from mcp.server.context import HandlerResult, ServerRequestContext
from mcp.server.request_state import RequestStateSecurity
from mcp.shared.exceptions import MCPError
from mcp_types.methods import INPUT_REQUIRED_METHODS

from mcp_swarm.config import Settings
from mcp_swarm.framework.components import ComponentMiddleware, Kind

if TYPE_CHECKING:
    from mcp_swarm.redis import Store

# Seconds by which replicas' clocks may differ: the SDK accepts a state that much before its creation.
SKEW = 60

# The state as the client sent it, sealed; None once it is consumed.
_presented: ContextVar[str | None] = ContextVar("presented", default=None)


def security(settings: Settings) -> RequestStateSecurity:
    """Returns the SDK's sealing with the shared keys, or with a key of this process alone."""
    name = settings.mcp_name  # T7: the audience must be the same on all replicas
    keys = [key.get_secret_value() for key in settings.mcp_request_state_keys]
    if not keys:
        return RequestStateSecurity.ephemeral(audience=name, ttl=settings.mcp_ask_timeout)
    return RequestStateSecurity(keys=keys, audience=name, ttl=settings.mcp_ask_timeout)


class UsedStates(Protocol):
    """Remembers the used states, as long as they are valid."""

    async def consume(self, state: str) -> bool:
        """Consumes the state; returns whether this is its first use.

        Raises:
            MCPError: -31002, the shared store does not answer.
        """


class LocalUsedStates:
    """The used states of this process, for ``memory://``."""

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._until: OrderedDict[str, float] = OrderedDict()  # the first to expire comes first

    async def consume(self, state: str) -> bool:
        """See ``UsedStates``."""
        now = time.monotonic()
        while self._until and next(iter(self._until.values())) < now:
            self._until.popitem(last=False)
        name = _name(state)
        if name in self._until:
            return False
        self._until[name] = now + self._ttl + SKEW
        return True


class SharedUsedStates:
    """The used states of all replicas."""

    def __init__(self, store: "Store", ttl: float) -> None:
        self._store = store
        self._ttl = ttl

    async def consume(self, state: str) -> bool:
        """See ``UsedStates``."""
        from mcp_swarm.redis import redis_required
        from mcp_swarm.redis.keys import tag

        async with redis_required("Confirming"):
            name = tag(_name(state))
            return await self._store.claim("state", name, seconds=ceil(self._ttl) + SKEW)


def used_states(store: "Store | None", ttl: float) -> UsedStates:
    """Returns the used states for this store; a state is valid for `ttl` seconds."""
    return SharedUsedStates(store, ttl) if store else LocalUsedStates(ttl)


async def note(ctx: ServerRequestContext[Any, Any], call_next: SdkCallNext) -> HandlerResult:
    """SDK middleware: notes the sealed state, outside the SDK's own middleware, which opens it."""
    carries = ctx.method in INPUT_REQUIRED_METHODS and ctx.params
    state = ctx.params.get("requestState") if carries and ctx.params else None
    before = _presented.set(state if isinstance(state, str) else None)
    try:
        return await call_next(ctx)
    finally:
        _presented.reset(before)


class SingleUse(ComponentMiddleware):
    """Rejects the second use of a state.

    It runs after the SDK has opened the state, so that nobody can consume a foreign one, and after
    everything that may reject the call, so that a rejected call can be retried.
    """

    def __init__(self, used_states: UsedStates) -> None:
        self._used_states = used_states

    async def on_component(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any], kind: Kind
    ) -> Any:
        if state := _presented.get():
            _presented.set(None)  # calls that the tool makes are part of this use
            if not await self._used_states.consume(state):
                raise MCPError(
                    code=types.INVALID_PARAMS,
                    message="This requestState was already used: it is valid for one call. "
                    "To do it again, call without requestState and answer again.",
                    data={"reason": "request_state_already_used"},
                )
        return await call_next(context)


def _name(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
