"""What a process is without a protection: see ``lab.serve --without``."""

import asyncio


def exceptions_that_escape() -> None:
    """Whatever is no ``Exception`` passes, as it does in FastMCP and the SDK."""
    from mcp_swarm import isolation
    from mcp_swarm.isolation import middleware

    isolation.escapes = middleware.escapes = lambda error: False


def a_loop_that_any_task_can_end() -> None:
    """The loop as uvicorn runs it."""
    from mcp_swarm.isolation import event_loop

    event_loop.run = lambda main, loop_factory: asyncio.Runner(loop_factory=loop_factory).run(main)


def jobs_in_clear() -> None:
    """Records as FastMCP's own tasks keep them (T12)."""
    import json

    from mcp_swarm.jobs.encryption import RecordCipher

    RecordCipher.encrypt = lambda self, value, context: json.dumps(value).encode()
    RecordCipher.decrypt = lambda self, encrypted, context: json.loads(encrypted)


def docket_with_pickles() -> None:
    """What Docket reads from Redis with (T12)."""
    import cloudpickle

    from mcp_swarm.framework import docket as framework_docket

    framework_docket.Json = cloudpickle


def a_loop_that_nobody_watches() -> None:
    """What blocks it is not looked for."""
    from mcp_swarm.isolation import blocked_loop

    blocked_loop.watch = lambda loop: lambda: None
