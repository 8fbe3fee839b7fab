"""Objects that cannot be serialized to JSON, in results and in log messages.

FastMCP writes such an object as its ``str()``. Without a ``__str__`` of its own the caller gets
``<Thing object at 0x7f…>``, which is useless and changes from call to call.
"""

import re
from typing import Any

from fastmcp.exceptions import FastMCPError
from mcp.server.session import ServerSession
from pydantic_core import to_json, to_jsonable_python

_sdks_send = ServerSession.send_log_message
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class NotJsonError(FastMCPError):
    """A result has an object that is not JSON and has no ``__str__`` of its own.

    Args:
        value: the object; the message names its type.
    """

    def __init__(self, value: Any) -> None:
        super().__init__(
            f"has an object of type {type(value).__qualname__}, which is not JSON. Next: return text, "
            "numbers, lists, dicts, a dataclass or a pydantic model."
        )


def text_of_object(value: Any) -> str:
    """Returns the text of an object that is not JSON.

    Raises:
        NotJsonError: it has no ``__str__`` of its own, or that fails.
    """
    try:
        text = str(value)
    except Exception as error:  # the object's own code
        raise NotJsonError(value) from error
    if _ADDRESS.search(text):
        raise NotJsonError(value)
    return text


def log_any_object() -> None:
    """Patches the SDK to send log messages with any object: they must not fail a call."""
    ServerSession.send_log_message = _send_log_message  # type: ignore[method-assign]


async def _send_log_message(
    self: ServerSession, level: Any, data: Any, *args: Any, **options: Any
) -> None:
    await _sdks_send(self, level, _loggable(data), *args, **options)


def _loggable(data: Any) -> Any:
    """Returns `data`, or a JSON value in its place."""
    try:
        to_json(data)
    except ValueError:  # pydantic's own errors are of this kind
        try:
            return to_jsonable_python(data, fallback=_any_text, bytes_mode="base64")
        except ValueError:  # a circle, say
            return _any_text(data)
    return data


def _any_text(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # the object's own code
        return f"<{type(value).__qualname__}>"
