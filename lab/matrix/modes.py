"""The modes of DESIGN's table of settings, each as three replicas behind the project's balancer."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import replica as replicas
from lab.conformance.balancer import balancer
from lab.replica import Replica

SAMPLE = tuple(f"lab.matrix.sample.{kind}" for kind in ("tools", "resources", "prompts"))
TOKEN = "the-caller"  # state of a caller needs one; an answer to another token would be a 401
KEY = "a key that all replicas of the test have"


@dataclass(frozen=True)
class Mode:
    """A column of the matrix.

    Attributes:
        name: in tests.
        title: in the page.
        settings: of every replica, as an operator would set them.
        shared: whether REDIS_URL names a Redis, or all is in memory.
        count: how many replicas.
        sticky: whether the balancer sends a session to the replica that made it.
        pattern: how to deploy it.
    """

    name: str
    title: str
    settings: dict[str, str]
    pattern: str
    shared: bool = True
    count: int = 3
    sticky: bool = False

    @property
    def stateful(self) -> bool:
        return self.settings.get("MCP_STATELESS_HTTP") == "false"


STREAM = {"MCP_JSON_RESPONSE": "false"}
AUTO = {"MCP_JSON_RESPONSE": "auto"}
SESSIONS = {"MCP_STATELESS_HTTP": "false"}

MODES = {
    mode.name: mode
    for mode in (
        Mode("json", "JSON", {}, "`stack.yml`"),
        Mode("auto", "auto", AUTO, "`stack.yml`"),
        Mode("stream", "stream", STREAM, "`stack.yml`"),
        Mode("single", "single", SESSIONS | STREAM, "`single`", shared=False, count=1),
        Mode("sessions", "sessions", SESSIONS | STREAM, "`sessions`"),
        Mode("sessions-json", "sessions, JSON", SESSIONS, "`sessions`, `MCP_JSON_RESPONSE=true`"),
        Mode("sticky", "sticky", SESSIONS | STREAM, "`sticky`", shared=False, sticky=True),
    )
}


@dataclass(frozen=True)
class Service:
    """A mode that is being served."""

    mode: Mode
    url: str
    replicas: list[Replica]

    @property
    def log(self) -> str:
        """What all replicas have written so far."""
        return "\n".join(replica.log for replica in self.replicas)


@contextmanager
def serving(mode: Mode, folder: Path, redis_url: str) -> Iterator[Service]:
    """The replicas of `mode`, their worker and their balancer, ready."""
    settings = {
        "AUTH_ENABLED": "true",
        "AUTH_TOKEN": TOKEN,
        "MCP_REQUEST_STATE_KEYS": KEY,
        "MCP_NAME": f"matrix-{mode.name}",
        **({"REDIS_URL": redis_url} if mode.shared else {}),
        **mode.settings,
    }
    with ExitStack() as stack:
        started = []
        names = [f"{mode.name}-{number}" for number in range(1, mode.count + 1)]
        names += [f"{mode.name}-worker"] if mode.shared else []
        for name in names:
            made = replicas.start(
                folder / name, SAMPLE, worker="worker" in name, MCP_REPLICA=name, **settings
            )
            stack.callback(made.end)
            started.append(made)
        for made in started:
            made.wait_until_ready()
        sticky = {"LB_STICKY": "on"} if mode.sticky else {}
        serving = started[: mode.count]  # all but the worker
        lb = stack.enter_context(balancer(folder, serving, **sticky))
        yield Service(mode, lb.url, serving)
