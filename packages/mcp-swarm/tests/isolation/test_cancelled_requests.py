"""What a cancelled request holds is freed at once, not when the garbage collector runs."""

import asyncio
import gc
import weakref
from contextlib import suppress
from types import SimpleNamespace

from mcp_swarm.isolation import contained, is_cancelled
from mcp_swarm.isolation.middleware import isolate


class Transaction:
    """Ends when nothing refers to it, as a driver's connection does."""


async def is_freed(handle) -> bool:
    """Whether what a request holds is freed when the request has been cancelled."""
    held = []

    async def work(_):
        transaction = Transaction()
        held.append(weakref.ref(transaction))
        await asyncio.sleep(60)
        raise AssertionError(transaction)

    task = asyncio.create_task(handle(SimpleNamespace(method="tools/call"), work))
    await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    del task
    await asyncio.sleep(0)  # the loop itself refers to it until here
    return held[0]() is None


async def test_a_cancelled_request_is_freed_at_once() -> None:
    """Else its transaction stays open, and keeps the next one from writing."""
    gc.disable()
    try:
        assert await is_freed(isolate)
    finally:
        gc.enable()


async def test_an_error_raised_by_who_was_given_it_is_not() -> None:
    """The control: the error and its traceback refer to each other."""

    def contain(error: BaseException) -> Exception:
        if is_cancelled(error):
            raise error
        return contained(error, "x")

    async def handle(ctx, call_next):
        try:
            return await call_next(ctx)
        except BaseException as error:
            raise contain(error) from error

    gc.disable()
    try:
        assert not await is_freed(handle)
    finally:
        gc.enable()
