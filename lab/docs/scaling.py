"""The figures of docs/scaling.md: what `make prove` measured, and what that comes to."""

import json
import math
import re
import statistics
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from mcp_swarm.config import Settings

ROOT = Path(__file__).parents[2]

# The share of a core that is planned with; the rest is for what comes unevenly.
BUSY = 0.6
REPLICAS = (1, 3, 10, 30, 100, 300, 1000)
CORE = 1e6  # µs of CPU in a second of one core
REDIS_CLIENTS = 10_000  # `maxclients` of Redis, unless it is set
POSTGRES_CLIENTS = 97  # `max_connections` of PostgreSQL unless it is set, less those of its owner
OTHER_CONNECTIONS = 3  # of a replica beside its pool, docs/sessions.md
BALANCER = "deploy/haproxy/haproxy.cfg"
HEARD_BY_ALL = ("event published", "session closed")
BACKENDS = 2  # of haproxy.cfg that check each replica, once a second: calls, and streams


class Numbers:
    """What was measured.

    Raises:
        KeyError: it was not.
    """

    def __init__(self) -> None:
        found = json.loads((ROOT / "docs" / "proofs.json").read_text())["numbers"]
        self.scale: dict[str, Any] = found["scale"]
        self.shared: dict[str, Any] = found["shared"]
        self.call: dict[str, float] = self.scale["call"]
        self.check: dict[str, float] = self.scale["check"]

    def at(self, name: str, what: str, replicas: int) -> float:
        """Of an operation with so many replicas: for one that all hear, on the line through what was
        measured; else the median, for the same commands cost the same.

        Args:
            name: of the operation.
            what: ``sent``, ``run``, ``cpu`` or ``replica``.
            replicas: how many.
        """
        sizes = {int(size): cost[what] for size, cost in self.shared["redis"][name].items()}
        if name not in HEARD_BY_ALL:
            return statistics.median(sizes.values())
        return line(list(sizes.items()))(replicas)

    @cached_property
    def beat(self) -> float:
        """µs of Redis a second, that one more idle replica with sessions costs."""
        sizes = self.shared["idle"]["sessions"].items()
        idle = line([(int(size), cost["cpu"]) for size, cost in sizes])
        return idle(REPLICAS[-1]) / REPLICAS[-1]

    def rate(self, replicas: int) -> float:
        """Stateless calls a second."""
        return replicas * BUSY * CORE / self.call["replica"]

    def balancers(self, replicas: int) -> int:
        """How many: calls, and the checks that each of them makes.

        Raises:
            OverflowError: checks alone take more than a balancer is planned to do.
        """
        left = BUSY - BACKENDS * replicas * self.check["balancer"] / CORE
        if left <= 0:
            raise OverflowError(f"health checks of {replicas} replicas fill a balancer")
        return math.ceil(self.rate(replicas) * self.call["balancer"] / CORE / left)

    def sessions(self, replicas: int) -> float:
        """The share of a core that Redis needs when every call is in a session."""
        each = self.at("call in a session", "replica", 1)
        asked = self.at("call in a session", "cpu", replicas)
        return BUSY * replicas * asked / each + replicas * self.beat / CORE


def line(points: list[tuple[float, float]]) -> Callable[[float], float]:
    """The straight line nearest to the points (least squares), never below 0."""
    middle = sum(x for x, _ in points) / len(points)
    height = sum(y for _, y in points) / len(points)
    spread = sum((x - middle) ** 2 for x, _ in points)
    slope = sum((x - middle) * (y - height) for x, y in points) / spread if spread else 0.0
    return lambda x: max(0.0, height + slope * (x - middle))


def written(part: Callable[[Numbers], str]) -> Callable[[], str]:
    """`part` as the page has it; what stands there until it was measured."""

    def text() -> str:
        try:
            return part(Numbers())
        except (FileNotFoundError, KeyError):
            return "_`make prove` has not measured it yet._"

    return text


def measured(numbers: Numbers) -> str:
    """Replicas behind the balancer."""
    alone = numbers.scale["replicas"]["1"]["rate"]
    rows = [
        (size, f"{one['rate']:,.0f}", f"{one['rate'] / alone:.2f}", f"{one['p50']:,.0f} ms")
        for size, one in numbers.scale["replicas"].items()
    ]
    head = ("replicas", "calls/s", "times one", "half are answered in")
    return f"_{numbers.scale['measured on']}._\n\n{table(head, rows)}"


def parts(numbers: Numbers) -> str:
    """What one of each costs."""
    rows = [
        ("a small call, the replica", f"{numbers.call['replica']:.0f} µs"),
        ("a small call, the balancer", f"{numbers.call['balancer']:.0f} µs"),
        ("a health check, the replica", f"{numbers.check['replica']:.0f} µs"),
        ("a health check, the balancer", f"{numbers.check['balancer']:.0f} µs"),
        ("an idle replica with sessions, Redis", f"{numbers.beat:.0f} µs a second"),
        ("an open session, Redis", f"{numbers.shared['session, bytes']:,} B"),
        ("a waiting call, the replica", f"{numbers.scale['a waiting call, KB']} KB"),
    ]
    return table(("what, and to whom", "CPU or memory"), rows)


def redis(numbers: Numbers) -> str:
    """Commands and CPU of each operation, by replicas."""
    sizes = list(next(iter(numbers.shared["redis"].values())))
    head = (
        "operation",
        *(f"sent · run, {size}" for size in sizes),
        *(f"Redis, {size}" for size in sizes),
        f"at {REPLICAS[-1]:,}, computed",
    )
    rows = []
    for name, found in numbers.shared["redis"].items():
        commands = [f"{found[size]['sent']:.1f} · {found[size]['run']:.1f}" for size in sizes]
        cpu = [f"{found[size]['cpu']:.0f} µs" for size in sizes]
        rows.append((name, *commands, *cpu, f"{numbers.at(name, 'cpu', REPLICAS[-1]):,.0f} µs"))
    return table(head, rows)


def reckoned(numbers: Numbers) -> str:
    """From one replica to a thousand."""
    connections = max(numbers.shared["connections"].values())
    rows = []
    for count in REPLICAS:
        try:
            balancers = numbers.balancers(count)
        except OverflowError:  # several stacks then
            break
        checks = BACKENDS * balancers
        rows.append(
            (
                f"{count:,}",
                f"{numbers.rate(count):,.0f}",
                f"{balancers:,}",
                f"{checks:,}/s, {100 * checks * numbers.check['replica'] / CORE:.1f} %",
                f"{count * connections:,.0f}",
                f"{100 * numbers.sessions(count):.0f} %",
            )
        )
    head = (
        "replicas",
        "stateless calls/s",
        "balancers",
        "checks that a replica answers, of its core",
        "connections to Redis",
        "Redis' core, if every call is in a session",
    )
    return table(head, rows)


def limits(numbers: Numbers) -> str:
    """What is full, and when: smallest first."""
    rows = [(f"{count:,}", what, then) for count, what, then in sorted(_limits(numbers))]
    clients = _number(r"presetenv LB_CLIENTS (\d+)", BALANCER)
    memory = _number(r"maxmemory (\d+)mb", "deploy/redis/start.sh")
    sessions = Settings.model_fields["mcp_session_limit"].default
    replica = _number(r"\n  mcp:\n.*?limits: \{cpus: [^,]+, memory: (\d+)M", "stack.yml")
    waiting = 1024 * (replica - numbers.scale["replica, MB"]) / numbers.scale["a waiting call, KB"]
    events, closes = (
        CORE / numbers.at(name, "cpu", REPLICAS[-1])
        for name in ("event published", "session closed")
    )
    return (
        f"{table(('replicas', 'what is full', 'then'), rows)}\n\n"
        f"However many replicas: {clients:,} clients a balancer (`LB_CLIENTS`), "
        f"{sessions:,} open sessions of a service (`MCP_SESSION_LIMIT`), which take "
        f"{sessions * numbers.shared['session, bytes'] / 2**20:.0f} MB of Redis' {memory} MB, and "
        f"{waiting:,.0f} waiting calls in a replica's {replica} MB. "
        f"With {REPLICAS[-1]:,} replicas, at most {events:,.0f} events or {closes:,.0f} closed "
        "sessions a second, for each of them is sent to every replica."
    )


def _limits(numbers: Numbers) -> list[tuple[int, str, str]]:
    from mcp_swarm.database.engine import POOL_SIZE
    from mcp_swarm.redis import MAX_CONNECTIONS

    places = _number(r"presetenv LB_REPLICAS (\d+)", BALANCER)
    connections = MAX_CONNECTIONS + OTHER_CONNECTIONS
    return [
        (places, f"`LB_REPLICAS`, {places}", "raise it: nothing else changes"),
        (
            POSTGRES_CLIENTS // POOL_SIZE,
            f"PostgreSQL's connections, {POOL_SIZE} a replica whose tools use it",
            "`max_connections`, or PgBouncer",
        ),
        (
            REDIS_CLIENTS // connections,
            f"Redis' {REDIS_CLIENTS:,} connections, {connections} a busy replica, more with jobs",
            "`maxclients`, and `NOFILE` of the stack",
        ),
        (
            _first(lambda count: numbers.sessions(count) >= 1),
            "Redis' one core, if every call is in a session",
            "several stacks, or clients of 2026-07-28; `io-threads` leaves scripts in one thread",
        ),
        (
            _first(lambda count: numbers.rate(count) * numbers.call["balancer"] >= CORE),
            "the core of a balancer that is alone",
            "one on each node, as the stack has it; or more CPU for it, and `LB_THREADS`",
        ),
        (
            int(numbers.scale["found by name"]),
            "what the balancer was seen to find by one name; more were not tried",
            "several stacks behind one outer balancer",
        ),
    ]


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Markdown; the first column is words, the others are figures."""
    heads = list(head)
    lines = [heads, ["---", *["---"] * (len(heads) - 1)], *map(list, rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _first(holds: Callable[[int], bool], most: int = 100_000) -> int:
    """The least number for which it holds, if it holds for all above."""
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _number(pattern: str, path: str) -> int:
    """What a file of ours says."""
    found = re.search(pattern, (ROOT / path).read_text(), re.DOTALL)
    if found is None:
        raise LookupError(f"{path} has nothing like {pattern!r} any more")
    return int(found[1])


PARTS = {
    "measured": written(measured),
    "parts": written(parts),
    "redis": written(redis),
    "reckoned": written(reckoned),
    "limits": written(limits),
}
