"""Input rounds of 2026-07-28: sealed states open on any replica, and each is used at most once.

``MCP_REQUEST_STATE_KEYS`` seals. A state says "the user has agreed": sent twice, the action would
run twice, which the seal does not prevent (2026-07-28, basic/patterns/mrtr, the warning on single
use). So a state is spent before its call runs, over all replicas when ``REDIS_URL`` names a Redis.
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

# Replicas' clocks may differ: the SDK takes a state up to this much before it was made.
SKEW = 60

# The state as the client sent it, sealed; None once it is spent.
_presented: ContextVar[str | None] = ContextVar("presented", default=None)


def security(settings: Settings) -> RequestStateSecurity:
    """Sealing by the shared keys, or by one that lives as long as the process."""
    name = settings.mcp_name  # T7: the audience must be the same on all replicas
    keys = [key.get_secret_value() for key in settings.mcp_request_state_keys]
    if not keys:
        return RequestStateSecurity.ephemeral(audience=name, ttl=settings.mcp_ask_timeout)
    return RequestStateSecurity(keys=keys, audience=name, ttl=settings.mcp_ask_timeout)


class Spent(Protocol):
    """Remembers which states were used, for as long as they would open."""

    async def spend(self, state: str) -> bool:
        """Whether this is its first use.

        Raises:
            MCPError: -31002, it cannot be told now.
        """


class SpentHere:
    """In this process: with ``memory://`` there is no other."""

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._until: OrderedDict[str, float] = OrderedDict()  # the first to expire comes first

    async def spend(self, state: str) -> bool:
        """See ``Spent``."""
        now = time.monotonic()
        while self._until and next(iter(self._until.values())) < now:
            self._until.popitem(last=False)
        name = _name(state)
        if name in self._until:
            return False
        self._until[name] = now + self._ttl + SKEW
        return True


class SpentAnywhere:
    """Over all replicas."""

    def __init__(self, store: "Store", ttl: float) -> None:
        self._store = store
        self._ttl = ttl

    async def spend(self, state: str) -> bool:
        """See ``Spent``."""
        from mcp_swarm.redis import redis_required

        async with redis_required("Confirming"):
            return await self._store.claim("state", _name(state), seconds=ceil(self._ttl) + SKEW)


def spent(store: "Store | None", ttl: float) -> Spent:
    """The memory that the settings ask for; `ttl` seconds is how long a state opens."""
    return SpentAnywhere(store, ttl) if store else SpentHere(ttl)


async def note(ctx: ServerRequestContext[Any, Any], call_next: SdkCallNext) -> HandlerResult:
    """SDK middleware, outside the seal's check, which keeps the sealed form from what is below."""
    carries = ctx.method in INPUT_REQUIRED_METHODS and ctx.params
    state = ctx.params.get("requestState") if carries and ctx.params else None
    before = _presented.set(state if isinstance(state, str) else None)
    try:
        return await call_next(ctx)
    finally:
        _presented.reset(before)


class SingleUse(ComponentMiddleware):
    """Refuses a state's second use.

    It runs after the seal's check, so that nobody can spend a state that is not theirs, and
    after whatever may refuse the call, so that a refused call can be tried again.
    """

    def __init__(self, spent: Spent) -> None:
        self._spent = spent

    async def on_component(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any], kind: Kind
    ) -> Any:
        if state := _presented.get():
            _presented.set(None)  # what the tool itself calls is part of this one use
            if not await self._spent.spend(state):
                raise MCPError(
                    code=types.INVALID_PARAMS,
                    message="This requestState was already used: it confirms one call, once. "
                    "To do it again, call without requestState and answer anew.",
                    data={"reason": "request_state_already_used"},
                )
        return await call_next(context)


def _name(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
