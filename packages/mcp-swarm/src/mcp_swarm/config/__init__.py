"""Every setting, read once from the environment, or from the file that ``NAME_FILE`` names.

One class holds the settings of one feature. ``Settings`` has them all, and the rules between them.
"""

import os
from functools import cache
from typing import Self, TypeVar, overload

from pydantic import ValidationError, model_validator

from mcp_swarm.app_values import AppValue
from mcp_swarm.config.auth import AuthSettings
from mcp_swarm.config.calls import MAKE_KEY, CallSettings
from mcp_swarm.config.explain import explain
from mcp_swarm.config.http import HttpSettings
from mcp_swarm.config.jobs import JobSettings
from mcp_swarm.config.names import check_names
from mcp_swarm.config.service import ServiceSettings
from mcp_swarm.config.sessions import SessionSettings
from mcp_swarm.config.stores import StoreSettings
from mcp_swarm.errors import ConfigError

__all__ = [
    "AuthSettings",
    "CallSettings",
    "HttpSettings",
    "JobSettings",
    "ServiceSettings",
    "SessionSettings",
    "Settings",
    "StoreSettings",
    "current",
    "load",
]

Chosen = TypeVar("Chosen", bound="Settings")


class Settings(
    ServiceSettings,
    HttpSettings,
    CallSettings,
    SessionSettings,
    JobSettings,
    AuthSettings,
    StoreSettings,
):
    """All settings of a replica."""

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        if self.is_shared and not self.mcp_request_state_keys:
            raise ValueError(
                "REDIS_URL names a shared Redis but MCP_REQUEST_STATE_KEYS is empty: an input round "
                f"of one replica would fail on another. Make a key for all of them: {MAKE_KEY}"
            )
        return self


@overload
def load() -> Settings: ...
@overload
def load(kind: type[Chosen]) -> Chosen: ...
def load(kind: type[Settings] = Settings) -> Settings:
    """Returns the settings of this process, from its environment.

    Args:
        kind: a service's own class of settings.

    Raises:
        ConfigError: a value is wrong, values do not fit together, or an ``MCP_*`` name
            nearly matches a setting's.
    """
    return _load(kind)


app_settings: "AppValue[Settings]" = AppValue()


@overload
def current() -> Settings: ...
@overload
def current(kind: type[Chosen]) -> Chosen: ...
def current(kind: type[Settings] = Settings) -> Settings:
    """Returns the settings of the app that runs this code; those of ``load`` outside of one.

    Args:
        kind: a service's own class of settings.

    Raises:
        ConfigError: as ``load``.
    """
    found = app_settings.get()
    return found if isinstance(found, kind) else load(kind)


@cache
def _load(kind: type[Settings]) -> Settings:
    check_names(os.environ, kind.model_fields)
    try:
        return kind()
    except ValidationError as error:
        raise ConfigError(explain(error, kind)) from None
