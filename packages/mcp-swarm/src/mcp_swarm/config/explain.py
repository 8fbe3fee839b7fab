"""Explains what is wrong with a setting, without the value of a secret."""

from typing import Any

from pydantic import BaseModel, ValidationError


def explain(error: ValidationError, settings: type[BaseModel]) -> str:
    """Returns a line for each error: the name, the value, what was expected and where to read more."""
    return "\n".join(_explain(item, settings) for item in error.errors())


def _explain(item: Any, settings: type[BaseModel]) -> str:
    message = str(item["msg"]).removeprefix("Value error, ")
    if not item["loc"]:
        return f"{message}."
    name = str(item["loc"][0])
    field = settings.model_fields[name]
    is_secret = not field.repr or "Secret" in str(field.annotation)
    given = "" if is_secret else f" is {item['input']!r}"
    return f"{name.upper()}{given}: {message}. See docs/settings.md."
