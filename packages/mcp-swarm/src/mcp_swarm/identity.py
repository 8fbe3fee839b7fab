"""The identity of a caller, which owns jobs, sessions, state, input rounds and limits.

A caller is a client, a subject and a tenant. The token is not part of it, so a caller keeps its data
when its token is renewed. The SDK and FastMCP identify a principal only by client, issuer and
subject: ``in_tenant`` adds the tenant to the issuer, so that two tenants of one client are two
principals for them as well.
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
        client: the client; None without a token, when all callers are one.
        subject: on whose behalf it calls.
        tenant: whose data it uses.
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
        """The key of this caller's own data: a hash, because keys are not encrypted.

        Without a tenant it is the same as in earlier releases, so that old and new replicas agree.
        """
        if self.client is None:
            return _hash("anonymous")
        issuer = () if self.issuer is None else (self.issuer,)
        return _hash("owner", self.client, str(self.subject), *issuer)

    def owns(self, owner: str, share: str) -> bool:
        """Returns whether a job with this `owner` and `share` belongs to this caller.

        Earlier releases left the tenant out of the owner; there the share names it.
        """
        former = Caller(self.client, self.subject).owner
        return share == self.share and owner in (self.owner, former)

    @property
    def share(self) -> str:
        """The key of the limits that the callers of a tenant share; without a tenant, of a client."""
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
    """Returns the caller of an HTTP request, which ``AuthenticateMiddleware`` has verified."""
    user = scope.get("user")
    return _of(user.access_token) if isinstance(user, AuthenticatedUser) else ANONYMOUS


def current() -> Caller:
    """Returns the caller of the current request or job."""
    token = get_access_token()
    return _of(token) if token else ANONYMOUS


def in_tenant(token: AccessToken) -> AccessToken:
    """Returns `token` with the tenant as the fragment of the issuer, which has none (RFC 8414 §2)."""
    claims = token.claims or {}
    if (issuer := _issuer(claims)) == claims.get("iss"):
        return token
    return token.model_copy(update={"claims": {**claims, "iss": issuer}})


def record() -> dict[str, Any] | None:
    """Returns the current caller for the record of a job. It has no token."""
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
    """Makes a recorded caller the current one of this context, like a request does.

    The job was accepted while the token was valid, so an expiry since then does not matter.
    ``get_access_token().token`` is empty.
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
