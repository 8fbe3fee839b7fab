"""Verifies the bearer token once, before any of the body is read, and reports why it is rejected.

The inner apps read ``scope["user"]`` and ``scope["auth"]``, which Starlette's own authentication
sets too: the fast path, FastMCP, and every other route. Errors are those of RFC 6750 §3.1, with problem
details (RFC 9457) in words for the person who reads the client's output.
"""

import time
from collections.abc import Collection
from typing import Protocol

from fastmcp.server.auth import AccessToken
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.authentication import AuthCredentials
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_swarm.identity import in_tenant
from mcp_swarm.problem import problem
from mcp_swarm.telemetry import call_record

# Clients look here for an authorization server. They get 404, since there is none.
WELL_KNOWN = "/.well-known/"

_SEND = "Send it as `Authorization: Bearer TOKEN`."
_ASK = "Ask the operator of this server for a token; clients cannot register themselves here."


class Verifier(Protocol):
    """Verifies bearer tokens."""

    required_scopes: list[str]

    async def verify_token(self, token: str) -> AccessToken | None:
        """Returns the caller of `token`; None if it is unknown, expired or not valid yet."""

    def why_refused(self, token: str) -> str:
        """Returns what is wrong with a rejected token, as a sentence."""


class AuthenticateMiddleware:
    """Answers 401 or 403 to requests without a good token, except on public paths.

    Args:
        app: what needs to know the caller.
        verifier: of tokens.
        public: paths that anybody may call.
    """

    def __init__(self, app: ASGIApp, verifier: Verifier, public: Collection[str]) -> None:
        self.app = app
        self.verifier = verifier
        self.public = frozenset(public)
        self.required = frozenset(verifier.required_scopes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_public(scope["path"]):
            await self.app(scope, receive, send)
            return
        scheme, _, token = _authorization(scope).partition(" ")
        found = None
        if token and scheme.lower() == "bearer":
            found = await self.verifier.verify_token(token)
            if found is None or (found.expires_at and found.expires_at < time.time()):
                await self._refuse_token(token, scope, receive, send)
                return
        if found is None:
            await _missing(scheme)(scope, receive, send)
        elif missing := self.required.difference(found.scopes):
            await _lacks(sorted(missing))(scope, receive, send)
        else:
            scope["user"] = AuthenticatedUser(in_tenant(found))
            record = call_record.of(scope)
            record.client, record.tenant = found.client_id, (found.claims or {}).get("tenant")
            scope["auth"] = AuthCredentials(found.scopes)
            await self.app(scope, receive, send)

    def _is_public(self, path: str) -> bool:
        return path in self.public or path.startswith(WELL_KNOWN)

    async def _refuse_token(self, token: str, scope: Scope, receive: Receive, send: Send) -> None:
        why = self.verifier.why_refused(token)
        await _unauthorized(f"{why} {_ASK}", f'error="invalid_token", error_description="{why}"')(
            scope, receive, send
        )


def _authorization(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return str(value.decode("latin-1").strip())
    return ""


def _missing(scheme: str) -> Response:
    """The challenge names no error, since no token was sent (RFC 6750 §3.1)."""
    what = "The Authorization header is not of this form" if scheme else "The request has none"
    return _unauthorized(f"This server needs a bearer token. {what}. {_SEND} {_ASK}")


def _unauthorized(detail: str, error: str = "") -> Response:
    response = problem(401, "Unauthorized", detail)
    response.headers["WWW-Authenticate"] = f"Bearer {error}".rstrip()
    return response


def _lacks(scopes: list[str]) -> Response:
    names = " ".join(scopes)
    why = f"The token is good, but it lacks the scope {names!r}."
    response = problem(403, "Forbidden", f"{why} Ask the operator for a token that has it.")
    response.headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope", scope="{names}"'
    return response
