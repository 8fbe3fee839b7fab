"""Validates the arguments of prompts, resource templates and tools before their function runs.

A wrong argument is the caller's mistake: error -32602 names it (prompts and resources, "Error
Handling"). FastMCP treats it as an error of the function: -32603, and a traceback in the log.
Tools are validated by FastMCP, except for text that is not Unicode: there, it fails the same way.
"""

import inspect
import logging
from collections.abc import Callable
from typing import Any

import pydantic
from fastmcp.exceptions import PromptError, ValidationError
from fastmcp.prompts.base import PromptResult
from fastmcp.prompts.function_prompt import FunctionPrompt
from fastmcp.resources.template import FunctionResourceTemplate
from fastmcp.tools import function_tool
from fastmcp.tools.function_tool import _is_json_data, _wrap_body_errors
from fastmcp.utilities.async_utils import call_sync_fn_in_threadpool, is_coroutine_function
from fastmcp.utilities.types import get_cached_typeadapter
from pydantic_core import PydanticSerializationError, to_json

_LONGEST = 100  # characters of a value that an error repeats


def check_arguments() -> None:
    """Patches FastMCP's prompts, resource templates and tools to validate like this module."""
    FunctionPrompt.render = _render  # type: ignore[method-assign]
    FunctionResourceTemplate.read = _read  # type: ignore[method-assign]
    function_tool._validate_input = validate_input


def validate_input(
    type_adapter: pydantic.TypeAdapter[Any], value: dict[str, Any], *, strict: bool | None
) -> Any:
    """Like ``function_tool._validate_input``.

    Raises:
        pydantic.ValidationError: an argument is wrong.
        ValidationError: an argument has half a surrogate pair, which JSON can write and UTF-8 cannot.
    """
    if not strict or not _is_json_data(value):
        return type_adapter.validate_python(value, strict=strict)
    try:
        written = to_json(value)
    except PydanticSerializationError:
        names = ", ".join(ascii(name) for name, given in value.items() if not _is_text(name, given))
        raise _refused(f"Arguments that are not valid Unicode text: {names}.") from None
    return type_adapter.validate_json(written, strict=True)


def _is_text(*values: Any) -> bool:
    try:
        to_json(values)
    except PydanticSerializationError:
        return False
    return True


async def _render(self: FunctionPrompt, arguments: dict[str, Any] | None = None) -> PromptResult:
    """Like ``FunctionPrompt.render``. The server logs and masks what the function raises."""
    what, given = f"Prompt {self.name!r}", arguments or {}
    required = [argument.name for argument in self.arguments or () if argument.required]
    if missing := [name for name in required if name not in given]:
        names = ", ".join(map(repr, missing))
        raise _refused(f"{what} needs the argument {names}, which is missing.")
    known = inspect.signature(self.fn).parameters
    converted: dict[str, Any] = {}
    for name, value in given.items():
        if name in known:  # others are left out, as FastMCP does: a dependency cannot be given
            try:
                converted |= self._convert_string_arguments({name: value})
            except PromptError:
                raise _wrong(what, name, value, _reason(known[name].annotation, value)) from None
    return self.convert_result(await _called(self.fn, converted, what))


async def _read(self: FunctionResourceTemplate, arguments: dict[str, Any]) -> Any:
    """Like ``FunctionResourceTemplate.read``."""
    return await _called(self.fn, arguments, f"Resource template {self.uri_template!r}")


async def _called(fn: Callable[..., Any], arguments: dict[str, Any], what: str) -> Any:
    """Returns what `fn` returns.

    Raises:
        ValidationError: an argument is wrong; `fn` has not run.
    """
    adapter = get_cached_typeadapter(_wrap_body_errors(fn))  # its own errors are of another kind
    try:
        if is_coroutine_function(fn):
            result = adapter.validate_python(arguments)
        else:
            result = await call_sync_fn_in_threadpool(adapter.validate_python, arguments)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise _wrong(what, name, arguments.get(name), first["msg"]) from None
    return await result if inspect.isawaitable(result) else result


def _reason(annotation: Any, value: Any) -> str:
    """Returns why `value` is not valid for this type, neither as text nor as JSON."""
    try:
        get_cached_typeadapter(annotation).validate_python(value)
    except pydantic.ValidationError as error:
        return str(error.errors()[0]["msg"])
    return "it has another type"


def _wrong(what: str, name: str, value: Any, reason: str) -> ValidationError:
    shown = repr(value)[:_LONGEST]
    return _refused(f"{what} cannot take the argument {name!r}: {reason}. It is {shown}.")


def _refused(message: str) -> ValidationError:
    return ValidationError(message, log_level=logging.WARNING)
