"""What is wrong with a setting, as a sentence; a secret's value is not repeated."""

from typing import Any

from pydantic import BaseModel, ValidationError


def explain(error: ValidationError, settings: type[BaseModel]) -> str:
    """One line for each error: the name, the value, what was expected and where to read on."""
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
