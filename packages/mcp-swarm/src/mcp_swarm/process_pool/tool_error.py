"""FastMCP's ``ToolError``, whose text reaches the client; a plain error in a process of the pool.

Such a process does not load FastMCP, which takes a second and 50 MB. An error class that derives from
this one is a ``ToolError`` again in the process that called.
"""

from typing import TYPE_CHECKING

from mcp_swarm.process_pool import memory_limit

if TYPE_CHECKING or not memory_limit.in_worker:
    from fastmcp.exceptions import ToolError
else:
    ToolError = Exception

__all__ = ["ToolError"]
