"""How the checks access a target: its URL, credentials and trusted certificates."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import httpx2

from mcp_swarm_load.check.findings import CHECK_TIMEOUT_SECONDS
from mcp_swarm_load.target.tls import tls_context

Note = Callable[[httpx2.Response], Awaitable[None]]


@dataclass(frozen=True)
class Access:
    """Where a target is and what a request to it carries."""

    url: str
    token: str | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    ca: str | None = None
    """File of trusted certificates; None means those of the system."""

    @classmethod
    def of(cls, options: argparse.Namespace) -> Access:
        """Returns the access that the command line names."""
        return cls(options.url.geturl(), options.token, tuple(options.header), options.ca)

    @property
    def is_authenticated(self) -> bool:
        """Whether requests carry a token or an Authorization header."""
        return bool(self.token) or "authorization" in {name.lower() for name, _ in self.headers}

    def anonymous(self) -> Access:
        """Returns the same access without a token and an Authorization header."""
        others = tuple(each for each in self.headers if each[0].lower() != "authorization")
        return replace(self, token=None, headers=others)


def http_client(access: Access, note: Note | None = None) -> httpx2.AsyncClient:
    """Returns an HTTP client for a target that passes each response to `note`.

    It uses the environment's proxies, but not for this machine.
    """
    token = {"Authorization": f"Bearer {access.token}"} if access.token else {}
    return httpx2.AsyncClient(
        headers={**token, **dict(access.headers)},
        verify=tls_context(access.ca) if access.ca else True,
        timeout=CHECK_TIMEOUT_SECONDS,
        event_hooks={"response": [note] if note else []},
        trust_env=httpx2.URL(access.url).host not in ("localhost", "127.0.0.1", "::1"),
    )
