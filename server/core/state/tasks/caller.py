"""Whose job it is: from the verified token, and given to the tool again where the job runs.

The token itself is never kept: a worker knows who called, and holds nothing to call with.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from fastmcp.server.dependencies import get_access_token


@dataclass(frozen=True)
class Caller:
    """Who calls. `owner` and `tenant` are hashes; `identity` is kept sealed with the job."""

    owner: str
    tenant: str
    identity: dict[str, Any] | None


def current() -> Caller:
    """The caller of this request; all callers without a token count as one."""
    token = get_access_token()
    if token is None:
        return Caller(owner=_hash("anonymous"), tenant=_hash("anonymous"), identity=None)
    claims = dict(token.claims or {})
    subject = token.subject or claims.get("sub")
    # Client and subject, not the token: a caller keeps its jobs when its token is renewed.
    return Caller(
        owner=_hash("owner", token.client_id, str(subject)),
        tenant=_hash("tenant", str(claims.get("tenant") or token.client_id)),
        identity={
            "client_id": token.client_id,
            "subject": token.subject,
            "scopes": list(token.scopes),
            "claims": claims,
        },
    )


def act_as(identity: dict[str, Any] | None) -> None:
    """Makes `identity` the caller for what runs in this context, as a request would.

    The job was accepted while the token held; it is not refused because the token has since
    expired. ``get_access_token().token`` is empty.
    """
    from fastmcp.server.auth import AccessToken
    from mcp.server.auth.middleware.auth_context import auth_context_var
    from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser

    user = AuthenticatedUser(AccessToken(token="", **identity)) if identity else None
    auth_context_var.set(user)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
