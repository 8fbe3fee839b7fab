"""The private parts of Docket that this library uses, each with the trap that it fixes.

If an upgrade moves one, a test in ``packages/mcp-swarm/tests/jobs/queue/`` fails and names it.
"""

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docket import Docket, Worker


class Json:
    """Replaces cloudpickle, so that write access to Redis is not code execution (T12)."""

    @staticmethod
    def dumps(value: Any) -> bytes:
        return json.dumps(value, default=repr).encode()

    @staticmethod
    def loads(data: bytes) -> "Arguments":
        try:
            value = json.loads(data)
        except ValueError:
            value = None
        # Foreign data becomes no arguments: Docket rejects the call, and the worker goes on.
        return Arguments(value if isinstance(value, dict) else {})


class Arguments(dict[Any, Any]):
    """Keyword arguments. Read as positional ones, of which there are none, it is empty."""

    def __getitem__(self, key: Any) -> Any:
        return [] if isinstance(key, slice) else super().__getitem__(key)


# Docket's own timeout, as a multiple of the time after which a worker is considered dead: how long a
# lost job keeps its slot in its tenant's share. See `keep_places`.
PLACE_KEPT = 3


def load() -> None:
    """Imports Docket, and replaces pickle by Json wherever it reads from Redis."""
    import docket.docket
    import docket.execution
    import docket.strikelist
    import docket.worker

    for module in (docket.execution, docket.strikelist, docket.worker):
        module.cloudpickle = Json  # type: ignore[attr-defined]
    keep_places()


def keep_places() -> None:
    """Patches Docket: a lost job keeps its slot in its tenant's share until it is delivered again.

    In Docket the message and the slot of a lost job expire after the same time. If the slot expires
    first, another job of the tenant gets it, and the lost job queues behind all others. If the message
    does, the job finds its own slot in use, and is postponed. Here the message is delivered again long
    before the slot expires, and gets that slot.
    """
    import docket.worker
    from docket._redelivery import RedeliverySweep
    from docket.dependencies import _concurrency

    class Sweep(RedeliverySweep):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.min_idle_time //= PLACE_KEPT
            self.interval /= PLACE_KEPT

    acquire = _concurrency._acquire_or_park

    async def acquire_or_park(redis: Any, **asked: Any) -> int:
        if asked["is_redelivery"] and await redis.zscore(asked["slots_key"], asked["task_key"]):
            asked["stale_threshold"] = asked["current_time"]  # however recent: the slot is its own
        return await acquire(redis, **asked)

    docket.worker.RedeliverySweep = Sweep  # type: ignore[attr-defined]
    _concurrency._acquire_or_park = acquire_or_park  # type: ignore[assignment]


def make_docket(url: str, name: str, execution_ttl: timedelta) -> "Docket":
    """Creates a Docket that retries a command if Redis has closed an idle connection."""
    from docket import Docket
    from docket._redis import RedisConnection
    from redis.asyncio.retry import Retry
    from redis.backoff import ExponentialWithJitterBackoff
    from redis.exceptions import ConnectionError as RedisConnectionError

    class Persistent(RedisConnection):
        async def _connection_pool_from_url(self, *args: Any, **kwargs: Any) -> Any:
            pool = await super()._connection_pool_from_url(*args, **kwargs)
            pool.connection_kwargs |= {
                "retry": Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), retries=3),
                "retry_on_error": [RedisConnectionError],
                "socket_keepalive": True,
            }
            return pool

    docket = Docket(name=name, url=url, execution_ttl=execution_ttl)
    docket._redis = Persistent(url)
    return docket


def make_worker(docket: "Docket", silence: float, **options: Any) -> "Worker":
    """Creates a worker that keeps the leases of its jobs until they end.

    Args:
        docket: the queue.
        silence: seconds without a heartbeat after which a worker is considered dead, and its jobs are
            delivered again.
        options: of Docket's worker.
    """
    from docket import Worker
    from docket._cancellation import _wait_for_event
    from docket._redelivery import renew_leases

    class Keeping(Worker):
        async def _renew_leases(self, redis: Any, active_messages: Any) -> None:
            """T11: renews leases during the drain too; without it another worker starts the job again."""
            session, pause = self._processing_session, silence / 4
            while session is not None:
                held = {task for task in active_messages if not task.done()}
                if session.stopping.is_set() and not held:
                    return
                await renew_leases(
                    redis,
                    stream_key=self.docket.stream_key,
                    group_name=self.docket.worker_group_name,
                    consumer_name=self.name,
                    message_ids=[active_messages[task] for task in held],
                )
                if session.stopping.is_set():
                    await asyncio.wait(held, timeout=pause)
                else:
                    await _wait_for_event(session.stopping, pause)

    return Keeping(docket, redelivery_timeout=timedelta(seconds=PLACE_KEPT * silence), **options)


def take_no_more(worker: "Worker") -> None:
    """Lets ``run_forever`` end after its running jobs; a cancellation would also end the leases."""
    worker._worker_stopping.set()


def running_in(worker: "Worker") -> "list[asyncio.Task[None]]":
    """Returns the tasks of the jobs that the worker runs now."""
    return [task for task in worker._tasks_by_key.values() if not task.done()]
