"""Reads settings from the environment, or from the file that ``NAME_FILE`` names."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from mcp_swarm.config.files import NamedFiles

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class FromEnvironment(BaseSettings):
    """A group of settings; frozen, so that nothing changes under a running call."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, case_sensitive=False, extra="ignore"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Returns the sources, highest priority first: arguments, environment, files."""
        return init_settings, env_settings, NamedFiles(settings_cls)
