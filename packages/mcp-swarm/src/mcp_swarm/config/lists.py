"""Lists in settings: ``a,b``, or one item a line, as in secrets and stack files."""

from typing import Annotated, Any

from pydantic import BeforeValidator, SecretStr
from pydantic_settings import NoDecode


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.replace("\n", ",").split(",") if part.strip())
    return value


Split = BeforeValidator(_split)
Listed = Annotated[tuple[str, ...], NoDecode, Split]
SecretList = Annotated[tuple[SecretStr, ...], NoDecode, Split]
