"""Health of this replica: ``/healthz`` (alive), ``/readyz`` (may be sent traffic now).

Alive answers 503 until the replica was ready once and 200 ever after, draining included:
Swarm replaces a container that fails it, so it never asks about Redis or the database.
Ready follows the drain: the balancer looks away while calls in flight are finished.
"""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


@dataclass
class Health:
    """Where the replica is in its life: starting, ready, draining."""

    started: bool = False
    draining: bool = False

    @property
    def ready(self) -> bool:
        """Whether the balancer may send traffic now."""
        return self.started and not self.draining

    async def healthz(self, request: Request) -> Response:
        """Liveness: 200 ``{"status": "alive"}`` once started, 503 ``starting`` before."""
        if self.started:
            return JSONResponse({"status": "alive"})
        return JSONResponse({"status": "starting"}, status_code=503)

    async def readyz(self, request: Request) -> Response:
        """Readiness: 200 ``{"status": "ready"}``, else 503 with ``starting`` or ``draining``."""
        if self.ready:
            return JSONResponse({"status": "ready"})
        status = "draining" if self.draining else "starting"
        return JSONResponse({"status": status}, status_code=503, headers={"Retry-After": "1"})
