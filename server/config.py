"""Your settings beside those of mcp-swarm: read from NAME, or from the file that NAME_FILE names."""

from pathlib import Path

from pydantic import Field

import mcp_swarm.config


class Settings(mcp_swarm.config.Settings):
    """Add a field and read it as ``settings().its_name``; a secret is a pydantic SecretStr."""

    files_root: Path = Field(
        Path(__file__).parent / "examples" / "data",
        description="The one folder that the file tools may read.",
    )


def settings() -> Settings:
    """Returns the settings of this app, read once from the environment."""
    return mcp_swarm.config.current(Settings)
