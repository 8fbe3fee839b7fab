"""Writes JSON that every client can read, whatever a tool returns.

JSON has no NaN and no Infinity (RFC 8259 §6): they become null. UTF-8 has no lone surrogates: each
becomes U+FFFD, the replacement character. An escape (``\\ud800``) would preserve it, but is outside of
I-JSON (RFC 7493 §2.1), and clients that parse with pydantic reject the message.
"""

import json
from functools import wraps
from types import SimpleNamespace
from typing import Any

import mcp_types as types
from fastmcp.prompts import base as prompts
from fastmcp.resources import base as resources
from fastmcp.tools import base as tools
from pydantic_core import PydanticSerializationError, from_json, to_json, to_jsonable_python

from mcp_swarm.framework.objects import log_any_object, text_of_object

_MESSAGES = (
    types.JSONRPCRequest,
    types.JSONRPCNotification,
    types.JSONRPCResponse,
    types.JSONRPCError,
)
_UNWRITABLE = (PydanticSerializationError, UnicodeEncodeError)
_fastmcps_jsonable = tools._serialize_to_jsonable


def encode(value: Any) -> bytes:
    """Returns `value` as JSON in UTF-8.

    Raises:
        PydanticSerializationError: it has an object that is not JSON.
    """
    try:
        return to_json(value, inf_nan_mode="null")
    except _UNWRITABLE:
        return to_json(well_formed(value), inf_nan_mode="null")


def well_formed(value: Any) -> Any:
    """Returns a copy of a JSON value in which every string is valid Unicode."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {well_formed(key): well_formed(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [well_formed(inner) for inner in value]
    return value


def text_of(data: Any) -> str:
    """Returns a tool's result as text, like FastMCP's ``default_serializer``."""
    adapter = tools._JSONABLE_ADAPTER
    try:
        return adapter.dump_json(data, fallback=text_of_object).decode()
    except PydanticSerializationError as error:
        try:
            made = adapter.dump_python(well_formed(data), mode="json", fallback=text_of_object)
        except ValueError:
            raise error from None
        return encode(made).decode()


def jsonable(data: Any, annotation: Any = Any) -> Any:
    """Returns a tool's result as a JSON value, like FastMCP's ``_serialize_to_jsonable``."""
    try:
        return _fastmcps_jsonable(data, annotation)
    except _UNWRITABLE as error:
        try:
            return _fastmcps_jsonable(well_formed(data), annotation)
        except ValueError:
            raise error from None


def write_clean_json() -> None:
    """Patches FastMCP and the SDK to write such JSON, in messages and in the texts inside them."""
    tools.default_serializer, tools._serialize_to_jsonable = text_of, jsonable
    clean = SimpleNamespace(to_json=_to_json)
    vars(prompts).update(pydantic_core=clean)
    vars(resources).update(pydantic_core=clean, json=SimpleNamespace(dumps=_dumps))
    for kind in _MESSAGES:
        _clean(kind)
    log_any_object()


def _to_json(value: Any, **_: Any) -> bytes:
    try:
        return to_json(value, fallback=text_of_object, inf_nan_mode="null")
    except PydanticSerializationError:
        return encode(to_jsonable_python(value, fallback=text_of_object))


def _dumps(value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(from_json(encode(value)))


def _clean(kind: Any) -> None:
    if hasattr(kind.model_dump_json, "__wrapped__"):  # done before in this process
        return
    to_text, to_python = kind.model_dump_json, kind.model_dump

    @wraps(to_text)
    def model_dump_json(self: Any, **options: Any) -> str:
        try:
            return str(to_text(self, **options))
        except _UNWRITABLE:
            return encode(to_python(self, mode="json", **options)).decode()

    @wraps(to_python)
    def model_dump(self: Any, **options: Any) -> Any:
        made = to_python(self, **options)
        if options.get("mode") != "json":
            return made
        try:
            to_json(made)
        except _UNWRITABLE:
            return well_formed(made)
        return made

    kind.model_dump_json, kind.model_dump = model_dump_json, model_dump
