"""Settings from files, as Docker secrets are mounted: ``NAME_FILE`` names the file of ``NAME``."""

import os
from pathlib import Path
from typing import Any

from pydantic_settings import PydanticBaseSettingsSource

from mcp_swarm.errors import ConfigError


class NamedFiles(PydanticBaseSettingsSource):
    """Reads setting ``NAME`` from the file that ``NAME_FILE`` names."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False  # the whole is read at once in __call__

    def __call__(self) -> dict[str, Any]:
        environment = {name.lower(): value for name, value in os.environ.items() if value}
        found: dict[str, Any] = {}
        for name in self.settings_cls.model_fields:
            if not (path := environment.get(f"{name}_file")):
                continue
            if name in environment:
                raise ConfigError(
                    f"{name.upper()} and {name.upper()}_FILE are both set. Keep one of them."
                )
            try:
                content = Path(path).read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "not text"
                raise ConfigError(
                    f"{name.upper()}_FILE names {path!r}, which cannot be read: {reason}. "
                    "Mount the secret there, or correct the path."
                ) from error
            if content:
                found[name] = content
        return found
