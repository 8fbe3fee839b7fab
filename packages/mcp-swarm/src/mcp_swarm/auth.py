"""Bearer tokens: one (``AUTH_TOKEN``) or a file of many callers (``AUTH_TOKENS_FILE``).

Only hashes are kept and compared. The file is YAML, a list of callers:

    - sha256: 5e88…        # printf %s "$TOKEN" | sha256sum
      client: sales-bot    # who calls
      subject: team-emea   # on whose behalf; optional
      tenant: acme         # whose data; optional
      scopes: [mcp]        # what it may do; optional
      expires_at: 2027-01-31T00:00:00Z   # optional; not_before likewise

To rotate a token, list the old and the new one for a while: state belongs to client, subject and
tenant, not to the token. ``asgi/authenticate.py`` verifies the token.
"""

import hashlib
import hmac
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from fastmcp.server.auth import AccessToken, TokenVerifier
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError
from starlette.middleware import Middleware

from mcp_swarm.config import AuthSettings
from mcp_swarm.errors import ConfigError


class TokenEntry(BaseModel):
    """A token, by its hash, and the caller that it identifies."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str = Field(pattern=re.compile(r"^[0-9a-f]{64}$"))
    client: str = Field(min_length=1)
    subject: str | None = None
    tenant: str | None = None
    scopes: tuple[str, ...] = ()
    not_before: datetime | None = None
    expires_at: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Returns whether the token is valid at `now` (with time zone)."""
        return not (
            (self.not_before and now < self.not_before)
            or (self.expires_at and now >= self.expires_at)
        )


class BearerVerifier(TokenVerifier):
    """Verifies tokens by their SHA-256."""

    def __init__(self, callers: tuple[TokenEntry, ...]) -> None:
        super().__init__()
        self.callers = callers

    async def verify_token(self, token: str) -> AccessToken | None:
        """Returns the caller of `token`; None if it is unknown, expired or not valid yet."""
        found = self._find(token)
        if found is None or not found.is_valid(datetime.now().astimezone()):
            return None
        return AccessToken(
            token=token,
            client_id=found.client,
            subject=found.subject,
            scopes=list(found.scopes),
            expires_at=int(found.expires_at.timestamp()) if found.expires_at else None,
            claims={"sub": found.subject, "tenant": found.tenant},
        )

    def why_refused(self, token: str) -> str:
        """Returns what is wrong with a rejected token, as a sentence."""
        found = self._find(token)
        if found is None:
            return "This server does not know the token."
        if found.not_before and datetime.now().astimezone() < found.not_before:
            return f"The token is not valid before {found.not_before.isoformat()}."
        return f"The token expired at {found.expires_at and found.expires_at.isoformat()}."

    def _find(self, token: str) -> TokenEntry | None:
        digest = hashlib.sha256(token.encode()).hexdigest()
        found = None
        for caller in self.callers:
            # Compares every hash in constant time, so that timing reveals nothing about the list.
            if hmac.compare_digest(caller.sha256, digest):
                found = caller
        return found


class VerifiedBefore(BearerVerifier):
    """FastMCP's verifier: uses the user that ``AuthenticateMiddleware`` found, and verifies no token."""

    def get_middleware(self) -> list[Any]:
        """Returns FastMCP's middleware for the whole app."""
        return [Middleware(AuthContextMiddleware)]


def verifier(
    settings: AuthSettings, kind: type[BearerVerifier] = BearerVerifier
) -> BearerVerifier | None:
    """Returns the verifier for the settings; None without auth.

    Raises:
        ConfigError: the file of callers cannot be read or used.
    """
    if not settings.auth_enabled:
        return None
    callers: list[TokenEntry] = []
    if settings.auth_token and settings.auth_token.get_secret_value():
        callers.append(TokenEntry(sha256=_digest(settings.auth_token), client="default"))
    if settings.auth_tokens_file:
        callers.extend(_read(settings.auth_tokens_file))
    return kind(tuple(callers))


def _digest(token: SecretStr) -> str:
    return hashlib.sha256(token.get_secret_value().encode()).hexdigest()


def _read(path: Path) -> list[TokenEntry]:
    import yaml  # only with a file of callers

    try:
        content: Any = yaml.safe_load(path.read_text())
        callers = TypeAdapter(list[TokenEntry]).validate_python(content)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(
            f"AUTH_TOKENS_FILE {str(path)!r} cannot be read: {_why(error)}. Expected a YAML list of "
            "callers (docs/auth.md). Next: mount the file there, or correct it or its path."
        ) from None
    except ValidationError as error:
        # Without the input: it may be a token that somebody wrote there unhashed.
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise ConfigError(
            f"AUTH_TOKENS_FILE {str(path)!r}: {where}: {first['msg']}. "
            "Expected a YAML list of callers, each with sha256 and client: see docs/auth.md."
        ) from None
    if problem := _problem(callers):
        raise ConfigError(f"AUTH_TOKENS_FILE {str(path)!r} {problem}")
    return callers


def _problem(callers: list[TokenEntry]) -> str:
    """Returns what is wrong with the list as a whole; empty if nothing is."""
    owners: dict[str, str] = {}
    for caller in callers:
        if any(at and not at.tzinfo for at in (caller.not_before, caller.expires_at)):
            return f"has a date without time zone at {caller.client!r}: write 2027-01-31T00:00:00Z."
        if caller.sha256 in owners:
            both = f"{owners[caller.sha256]!r} and {caller.client!r}"
            return f"lists one token twice, for {both}. Each caller needs a token of its own."
        owners[caller.sha256] = caller.client
    return "" if callers else "lists no caller, so nobody could call."


def _why(error: Exception) -> str:
    """Returns only the reason: a YAML error quotes the line, which may be an unhashed token."""
    if isinstance(error, OSError):
        return str(error.strerror)
    mark = getattr(error, "problem_mark", None)
    return f"not YAML at line {mark.line + 1}" if mark else "not YAML, or not UTF-8"
