"""FastMCP's ``ToolError``, whose text reaches the client; in a process of ``killable`` a plain error.

Such a process does not load FastMCP, which takes a second and 50 MB. An error of its own that it
raises is a ``ToolError`` again where it arrives.
"""

from typing import TYPE_CHECKING

from server.core.resilience.killable import memory_limit

if TYPE_CHECKING or not memory_limit.in_worker:
    from fastmcp.exceptions import ToolError
else:
    ToolError = Exception

__all__ = ["ToolError"]
