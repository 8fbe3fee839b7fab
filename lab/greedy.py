"""What runs in processes of ``process_pool``, for its tests; imports nothing, as such modules should."""

import os
import sys
import time
from pathlib import Path


def about():
    """The process: its id, and which large libraries it has loaded."""
    return os.getpid(), sorted({"fastmcp", "pydantic", "mcp"} & set(sys.modules))


def take(megabytes):
    """Takes memory, then gives its process id."""
    held = [b"x" * (1 << 20) for _ in range(megabytes)]
    return os.getpid() if held else 0


def spin(mark):
    """Never ends; `mark` is a file that names the process."""
    with Path(mark).open("a") as file:
        file.write(f"{os.getpid()}\n")
    while True:
        pass


def wait(seconds):
    time.sleep(seconds)
    return seconds


def refuse():
    from mcp_swarm.sandbox import SandboxError

    raise SandboxError("not this one")
