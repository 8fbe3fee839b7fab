"""Health of this replica: ``/healthz`` (alive), ``/readyz`` (may be sent traffic now).

Alive answers 503 until the replica was ready once and 200 ever after, draining included:
Swarm replaces a container that fails it, so it never asks about Redis or the database.
Ready follows the drain: the balancer looks away while calls in flight are finished. It asks about
Redis only where every call needs it (sessions over replicas): stateless calls are served without.
A replica that has lost a part of itself is not ready any more, and ends.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

logger = logging.getLogger(__name__)


def nothing() -> None:
    """Where nobody is to be called."""


@dataclass
class Health:
    """Where the replica is in its life: starting, ready, draining, failed."""

    started: bool = False
    draining: bool = False
    # What this mode cannot serve without, by name, and whether it is there.
    needs: dict[str, Callable[[], bool]] = field(default_factory=dict)
    # What calls may need and is not there: the balancer keeps the replica, a reader wants to know.
    unavailable: Callable[[], list[str]] = list
    # What has ended that should run as long as the process does: only a new process has it again.
    lost: str | None = None
    on_loss: Callable[[], None] = nothing

    @property
    def ready(self) -> bool:
        """Whether the balancer may send traffic now."""
        return self.started and not self.draining and not self.lost and not self.missing

    @property
    def missing(self) -> list[str]:
        """What is needed and not there."""
        return [name for name, is_there in self.needs.items() if not is_there()]

    def lose(self, what: str, error: BaseException | None) -> None:
        """Called when `what` has ended, by `error` if there is one; a drain expects it to."""
        if self.lost is None and not self.draining:
            self.lost = what
            logger.critical("%s has ended, so this process ends too", what, exc_info=error)
            self.on_loss()

    async def healthz(self, request: Request) -> Response:
        """Liveness: 200 ``{"status": "alive"}`` once started, 503 ``starting`` before."""
        if self.started:
            return JSONResponse({"status": "alive"})
        return JSONResponse({"status": "starting"}, status_code=503)

    async def readyz(self, request: Request) -> Response:
        """Readiness: 200 ``{"status": "ready"}``, else 503 with the reason.

        ``starting``, ``draining``, ``failed``, or ``waiting`` and, as ``missing``, what it lacks.
        Both name in ``unavailable`` what some calls need and cannot reach: ``["redis"]``.
        """
        unavailable = self.unavailable()
        more: dict[str, object] = (
            {"unavailable": unavailable} if self.started and unavailable else {}
        )
        if self.ready:
            return JSONResponse({"status": "ready", **more})
        body: dict[str, object] = {"status": "draining" if self.draining else "starting"}
        if self.lost:
            body = {"status": "failed", "missing": [self.lost]}
        elif self.started and not self.draining:
            body = {"status": "waiting", "missing": self.missing}
        return JSONResponse(body | more, status_code=503, headers={"Retry-After": "1"})
