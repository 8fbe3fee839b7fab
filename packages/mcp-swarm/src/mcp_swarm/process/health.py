"""The health of this replica: ``/healthz`` (liveness) and ``/readyz`` (readiness).

``/healthz`` is 503 until the replica has started, then always 200, also while it drains. Swarm
replaces a container that fails it, so it does not depend on Redis or the database. ``/readyz`` is 503
during the drain, so that the balancer sends no new calls. It depends on Redis only if every call needs
it (shared sessions); stateless calls are served without. A replica with a part that has ended is not
ready any more, and stops.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

logger = logging.getLogger(__name__)


def nothing() -> None:
    """Does nothing: the default callback."""


@dataclass
class Health:
    """The state of the replica: starting, ready, draining, failed."""

    started: bool = False
    draining: bool = False
    # What this mode cannot serve without: by name, a function that returns whether it is available.
    needs: dict[str, Callable[[], bool]] = field(default_factory=dict)
    # What some calls need and is unavailable. The replica stays ready; the body names it.
    unavailable: Callable[[], list[str]] = list
    # The part that has ended although it should run as long as the process. Only a restart helps.
    lost: str | None = None
    on_loss: Callable[[], None] = nothing

    @property
    def ready(self) -> bool:
        """Whether the balancer may send requests now."""
        return self.started and not self.draining and not self.lost and not self.missing

    @property
    def missing(self) -> list[str]:
        """The names of what is needed and unavailable."""
        return [name for name, is_there in self.needs.items() if not is_there()]

    def lose(self, what: str, error: BaseException | None) -> None:
        """Called when the part `what` has ended, with its `error` if any. Ignored during a drain."""
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

        The reason is ``starting``, ``draining``, ``failed``, or ``waiting``, with the names of what is
        ``missing``. Every answer names in ``unavailable`` what some calls need: ``["redis"]``.
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
