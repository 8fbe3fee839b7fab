"""Who calls: the one identity that jobs, sessions, state, input rounds and limits belong to.

Client, subject and tenant together are a caller; the token is not part of it, so a caller keeps
what it has when its token is renewed. The SDK and FastMCP know a principal by client, issuer and
subject only: ``in_tenant`` puts the tenant into the issuer, so that two tenants of one client are
two principals for them as well.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from fastmcp.server.auth import AccessToken
from fastmcp.server.dependencies import get_access_token
from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken as SdkAccessToken
from starlette.types import Scope


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller.

    Attributes:
        client: that calls; None if the request has no token, and then all callers are one.
        subject: on whose behalf.
        tenant: whose data.
        scopes: what it may do.
        issuer: of the token, with the tenant in it: see ``in_tenant``.
    """

    client: str | None
    subject: str | None = None
    tenant: str | None = None
    scopes: tuple[str, ...] = ()
    issuer: str | None = None

    @property
    def owner(self) -> str:
        """The key of what belongs to this caller alone: a hash, since it is stored in clear.

        Without a tenant it is what earlier releases stored, so that old and new replicas agree.
        """
        if self.client is None:
            return _hash("anonymous")
        issuer = () if self.issuer is None else (self.issuer,)
        return _hash("owner", self.client, str(self.subject), *issuer)

    def owns(self, owner: str, share: str) -> bool:
        """Whether a job with this `owner` and `share` belongs to this caller.

        Earlier releases left the tenant out of the owner; of their jobs the share names it.
        """
        former = Caller(self.client, self.subject).owner
        return share == self.share and owner in (self.owner, former)

    @property
    def share(self) -> str:
        """The key of the limits that a tenant's callers share; a client's, if it has no tenant."""
        if self.client is None:
            return _hash("anonymous")
        return _hash("tenant", self.tenant or self.client)

    @property
    def principal(self) -> str:
        """The owner of a session, as JSON in the SDK's terms; empty without a token."""
        if self.client is None:
            return ""
        found = {"client_id": self.client, "issuer": self.issuer, "subject": self.subject}
        return json.dumps(found, sort_keys=True)


ANONYMOUS = Caller(None)


def of(scope: Scope) -> Caller:
    """The caller of an HTTP request, as ``AuthenticateMiddleware`` found it."""
    user = scope.get("user")
    return _of(user.access_token) if isinstance(user, AuthenticatedUser) else ANONYMOUS


def current() -> Caller:
    """The caller of the running request or job."""
    token = get_access_token()
    return _of(token) if token else ANONYMOUS


def in_tenant(token: AccessToken) -> AccessToken:
    """`token` with its tenant in the issuer claim, as the fragment, which no issuer has (RFC 8414 §2)."""
    claims = token.claims or {}
    if (issuer := _issuer(claims)) == claims.get("iss"):
        return token
    return token.model_copy(update={"claims": {**claims, "iss": issuer}})


def record() -> dict[str, Any] | None:
    """The current caller as a job keeps it, encrypted; there is nothing in it to call with."""
    token = get_access_token()
    if token is None:
        return None
    return {
        "client_id": token.client_id,
        "subject": token.subject,
        "scopes": list(token.scopes),
        "claims": dict(token.claims or {}),
    }


def act_as(recorded: dict[str, Any] | None) -> None:
    """Makes a recorded caller the current one of this context, as a request would.

    The job was accepted while the token was valid, so it is not refused because the token has
    expired since. ``get_access_token().token`` is empty.
    """
    if recorded is None:
        auth_context_var.set(None)
    else:
        auth_context_var.set(AuthenticatedUser(in_tenant(AccessToken(token="", **recorded))))


def _of(token: SdkAccessToken) -> Caller:
    claims = token.claims or {}
    return Caller(
        client=token.client_id,
        subject=token.subject or claims.get("sub"),
        tenant=_tenant(claims),
        scopes=tuple(token.scopes),
        issuer=_issuer(claims),
    )


def _tenant(claims: dict[str, Any]) -> str | None:
    tenant = claims.get("tenant")
    return str(tenant) if tenant else None


def _issuer(claims: dict[str, Any]) -> str | None:
    issuer, tenant = claims.get("iss"), _tenant(claims)
    if tenant is None:
        return None if issuer is None else str(issuer)
    mark = f"#tenant={tenant}"
    return str(issuer) if issuer and str(issuer).endswith(mark) else f"{issuer or ''}{mark}"


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
