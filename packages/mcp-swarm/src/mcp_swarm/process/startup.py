"""Makes the start fast, and reports its errors clearly.

FastMCP and the MCP SDK define some 600 pydantic models, of which a replica uses a part. Compiling all
of them takes a third of the import time, and some megabytes.
"""

import asyncio
import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel, TypeAdapter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_swarm import __version__
from mcp_swarm.errors import McpSwarmError

logger = logging.getLogger(__name__)


@contextmanager
def deferred_build() -> Iterator[None]:
    """Defers the compilation of models and type adapters that are defined in this block to first use.

    It is only for imports of libraries and of our own modules. Models of tool files are compiled at
    once, so that a broken model stops the start.
    """
    usual: Any = TypeAdapter._defer_build  # noqa: SLF001 - an adapter of a union has no config
    BaseModel.model_config["defer_build"] = True
    TypeAdapter._defer_build = property(lambda _: True)  # type: ignore[method-assign, assignment]  # noqa: SLF001
    try:
        yield
    finally:
        del BaseModel.model_config["defer_build"]
        TypeAdapter._defer_build = usual  # type: ignore[method-assign]  # noqa: SLF001


def keep_what_is_loaded() -> None:
    """Enables the garbage collector, which was off during the start, for objects created from now on.

    There is no collection first: it would take 0.1 s to free less than 1 MB.
    """
    gc.freeze()
    gc.enable()


def compare_versions(files: str) -> None:
    """Warns if the deployed files belong to another version of the library.

    Args:
        files: their version; empty where nothing is deployed by them.
    """
    if files and files != __version__:
        logger.warning(
            "the deployed files (deploy/, stack.yml and others) belong to mcp-swarm %s, but the "
            "library is %s. Next: python -m server files --write, where these files are kept, and "
            "deploy again",
            files,
            __version__,
        )


async def clear_start_errors(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Runs the lifespan. Reports an McpSwarmError as its message, without a traceback."""
    failed: Message | None = None

    async def hold_failure(message: Message) -> None:
        nonlocal failed
        if message["type"] == "lifespan.startup.failed":
            failed = message
        else:
            await send(message)

    try:
        await app(scope, receive, hold_failure)
    except McpSwarmError as error:
        await send({"type": "lifespan.startup.failed", "message": str(error)})
    except asyncio.CancelledError:  # a signal ended the start, or the loop ends: not an error
        return
    except BaseException:
        if failed:
            await send(failed)
        raise
