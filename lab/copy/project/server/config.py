"""Your settings beside those of mcp-swarm: read from NAME, or from the file that NAME_FILE names."""

from pydantic import Field, SecretStr

import mcp_swarm.config


class Settings(mcp_swarm.config.Settings):
    """Add a field and read it as ``settings().its_name``; a secret is a pydantic SecretStr."""

    crm_url: str = Field("https://crm.example.com", description="Origin of the CRM.")
    crm_token: SecretStr = Field(SecretStr(""), description="What the CRM asks for.")


def settings() -> Settings:
    """Returns the settings of this app, read once from the environment."""
    return mcp_swarm.config.current(Settings)
