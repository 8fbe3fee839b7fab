"""Health of this replica: ``/healthz`` (alive), ``/readyz`` (may be sent traffic now).

Alive answers 503 until the replica was ready once and 200 ever after, draining included:
Swarm replaces a container that fails it, so it never asks about Redis or the database.
Ready follows the drain: the balancer looks away while calls in flight are finished. It asks about
Redis only where every call needs it (sessions over replicas): stateless calls are served without.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


@dataclass
class Health:
    """Where the replica is in its life: starting, ready, draining."""

    started: bool = False
    draining: bool = False
    # What this mode cannot serve without, by name, and whether it is there.
    needs: dict[str, Callable[[], bool]] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether the balancer may send traffic now."""
        return self.started and not self.draining and not self.missing

    @property
    def missing(self) -> list[str]:
        """What is needed and not there."""
        return [name for name, is_there in self.needs.items() if not is_there()]

    async def healthz(self, request: Request) -> Response:
        """Liveness: 200 ``{"status": "alive"}`` once started, 503 ``starting`` before."""
        if self.started:
            return JSONResponse({"status": "alive"})
        return JSONResponse({"status": "starting"}, status_code=503)

    async def readyz(self, request: Request) -> Response:
        """Readiness: 200 ``{"status": "ready"}``, else 503 with the reason.

        ``starting``, ``draining``, or ``waiting`` and, as ``missing``, what it waits for.
        """
        if self.ready:
            return JSONResponse({"status": "ready"})
        body: dict[str, object] = {"status": "draining" if self.draining else "starting"}
        if self.started and not self.draining:
            body = {"status": "waiting", "missing": self.missing}
        return JSONResponse(body, status_code=503, headers={"Retry-After": "1"})
