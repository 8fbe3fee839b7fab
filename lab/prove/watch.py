"""What a Redis is asked, command by command, and what that costs it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import astuple, dataclass
from uuid import uuid4

from lab.bench.servers import cpu
from lab.valkey import Valkey


@dataclass(frozen=True)
class RedisCost:
    """Of one operation, or of one second.

    Attributes:
        sent: commands that came over a connection; a script is one.
        run: those, and what scripts ran inside.
        cpu: µs of Redis' main thread.
        replica: µs of CPU of all replicas together.
    """

    sent: float
    run: float
    cpu: float
    replica: float = 0.0

    def less(self, other: "RedisCost", times: float) -> "RedisCost":
        """Without `times` as much of another."""
        return RedisCost(
            self.sent - times * other.sent,
            self.run - times * other.run,
            self.cpu - times * other.cpu,
            self.replica - times * other.replica,
        )

    def by(self, number: float) -> "RedisCost":
        """Of one of so many."""
        return RedisCost(*(value / number for value in astuple(self)))


Work = Callable[[int], Awaitable[None]]
# As the fields of `RedisCost`.
Figures = tuple[float, float, float, float]


class Watch:
    """Counts with MONITOR, which tells each command, and measures without, for it costs itself.

    Attributes:
        pids: of the replicas whose CPU is told.
    """

    def __init__(self, valkey: Valkey) -> None:
        self.pids: list[int] = []
        self._client = valkey.client()
        # As stack.yml has it; each write waiting for the disk would be measured instead.
        self._client.config_set("appendfsync", "everysec")
        with self._client.monitor():
            self._client.ping()  # the second connection: its greeting would be counted

    async def idle(self, seconds: float) -> RedisCost:
        """In a second, while nobody calls."""

        async def wait(_: int) -> None:
            await asyncio.sleep(seconds)

        counted, passed = await self._counted(wait, 1)
        spent, also = await self._spent(wait, 1)
        return RedisCost(*(a / passed + b / also for a, b in zip(counted, spent, strict=True)))

    async def operation(
        self, work: Work, counted: int, measured: int, idle: RedisCost
    ) -> RedisCost:
        """Of one of the operations that `work` does so many of; without what an idle one asks."""
        commands, passed = await self._counted(work, counted)
        one = RedisCost(*commands).less(idle, passed).by(counted)
        spent, passed = await self._spent(work, measured)
        other = RedisCost(*spent).less(idle, passed).by(measured)
        return RedisCost(one.sent, one.run, other.cpu, other.replica)

    def connections(self) -> int:
        """Of others than this."""
        return len(self._client.client_list()) - 1

    def stored(self) -> list[str]:
        """All keys that there are."""
        return [key.decode() for key in self._client.scan_iter()]

    def memory(self) -> int:
        """Bytes."""
        return int(self._client.info("memory")["used_memory"])

    def close(self) -> None:
        """Closes its connection."""
        self._client.close()

    async def _counted(self, work: Work, count: int) -> tuple[Figures, float]:
        marker = uuid4().hex
        with self._client.monitor() as monitor:
            began = time.monotonic()
            await work(count)
            passed = time.monotonic() - began
            self._client.echo(marker)
            sent = run = 0
            while marker not in (seen := monitor.next_command())["command"]:
                run += 1
                sent += seen["client_type"] != "lua"
        return (sent, run, 0.0, 0.0), passed

    async def _spent(self, work: Work, count: int) -> tuple[Figures, float]:
        before, began = self._cpu(), time.monotonic()
        await work(count)
        passed = time.monotonic() - began
        redis, replicas = (now - was for now, was in zip(self._cpu(), before, strict=True))
        return (0.0, 0.0, redis, replicas), passed

    def _cpu(self) -> tuple[float, float]:
        """µs of Redis, and of the replicas."""
        used = self._client.info("cpu")
        names = ("used_cpu_user_main_thread", "used_cpu_sys_main_thread")
        redis = 1e6 * sum(float(used[name]) for name in names)
        return redis, 1e6 * sum(cpu(pid) for pid in self.pids)
