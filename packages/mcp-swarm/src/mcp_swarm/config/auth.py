"""Settings of authentication."""

import re
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from mcp_swarm.config.environment import FromEnvironment


class AuthSettings(FromEnvironment):
    """Who may call with a token."""

    auth_enabled: bool = Field(False, description="Require a bearer token.")
    auth_token: SecretStr | None = Field(None, description="The token, if there is one caller.")
    auth_tokens_file: Path | None = Field(
        None, description="YAML file of several callers: sha256, client, subject, tenant, scopes."
    )

    @field_validator("auth_token")
    @classmethod
    def _can_be_sent(cls, token: SecretStr | None) -> SecretStr | None:
        if token and not re.fullmatch(r"[!-~]*", token.get_secret_value()):
            raise ValueError(
                "it has spaces or characters outside ASCII, which an Authorization header cannot "
                "carry. Make one with: openssl rand -hex 32"
            )
        return token

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        has_token = bool(self.auth_token and self.auth_token.get_secret_value())
        if has_token and not self.auth_enabled:
            raise ValueError(
                "AUTH_TOKEN is set but AUTH_ENABLED is false: anyone could call. "
                "Set AUTH_ENABLED=true, or remove the token"
            )
        if self.auth_tokens_file and not self.auth_enabled:
            raise ValueError(
                "AUTH_TOKENS_FILE is set but AUTH_ENABLED is false: anyone could call. "
                "Set AUTH_ENABLED=true, or remove the file"
            )
        if self.auth_enabled and not has_token and not self.auth_tokens_file:
            raise ValueError(
                "AUTH_ENABLED is true but there is no token to check. "
                "Set AUTH_TOKEN_FILE, AUTH_TOKEN or AUTH_TOKENS_FILE"
            )
        return self
