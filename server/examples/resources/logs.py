"""``logs://{name}``: the end of a log file below ``FILES_ROOT``."""

import asyncio
import os
from typing import Final

from fastmcp.resources import resource

from mcp_swarm import sandbox
from server.config import settings

FOLDER: Final = "logs"
MAX_LOG_BYTES: Final = 1_000_000_000
TAIL_BYTES: Final = 32_768


@resource(
    "logs://{name}",
    name="log_tail",
    description="The last lines (up to 32 kB) of a log file, such as logs://checkout.log.",
    mime_type="text/plain",
)
async def log_tail(name: str) -> str:
    return await asyncio.to_thread(_tail, name)


def _tail(name: str) -> str:
    root = sandbox.Sandbox(settings().files_root)
    with root.open(f"{FOLDER}/{name}", max_bytes=MAX_LOG_BYTES) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL_BYTES))
        if size > TAIL_BYTES:
            file.readline()  # the rest of a line that begins before
        return file.read(TAIL_BYTES).decode(errors="replace")
