"""The headers of a request: those of its caller, and the credentials of the tool's author."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

import httpx2

from mcp_swarm.http.allow_list import RequestNotAllowed

# Headers of the connection, which callers may not set.
_CONNECTION: Final = {
    *("host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade"),
    *("expect", "keep-alive", "proxy-connection", "accept-encoding"),
}
# Headers that are also sent after a redirect to another origin.
_FOR_ALL: Final = {"accept", "user-agent"}
# With these a caller could make the service send stolen credentials, or leak its own.
_CREDENTIALS: Final = {"authorization", "cookie", "proxy-authorization", "x-api-key"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Headers that are sent to one origin, ``scheme://host:port``, only."""

    origin: str
    headers: Mapping[str, str] = field(repr=False)

    @classmethod
    def make(cls, url: str, headers: Mapping[str, str]) -> Self:
        """Returns the credentials for the origin of `url`.

        Raises:
            ValueError: `url` is more than an origin, or a header cannot be sent.
        """
        parsed = httpx2.URL(url)
        is_http = parsed.scheme in ("http", "https") and bool(parsed.host)
        if not is_http or parsed.userinfo or parsed.raw_path not in (b"/", b""):
            raise ValueError(
                f"Credentials are for one origin, not for {_without_userinfo(parsed)!r}. "
                "Expected a URL without user, path and query, such as https://api.example.com."
            )
        for name, value in headers.items():
            if name.lower() in _CONNECTION | _FOR_ALL or not _can_be_sent(name, value):
                raise ValueError(
                    f"The header {name!r} cannot be a credential. Expected printable ASCII without a "
                    "space at its ends, and no header of the connection. A key read from a file may "
                    "end with a line break; its setting may be empty."
                )
        return cls(origin(parsed), {name.lower(): value for name, value in headers.items()})


def of_caller(given: Mapping[str, str], credentials: Credentials | None) -> dict[str, str]:
    """Returns the caller's headers, with lower-case names, and our own.

    Raises:
        RequestNotAllowed: the caller may not set one of them.
    """
    kept = _CONNECTION | _CREDENTIALS | (credentials.headers.keys() if credentials else set())
    sent = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "mcp-swarm"}
    for name, value in given.items():
        if name.lower() in kept:
            raise RequestNotAllowed(
                f"The header {name!r} may not be set by a caller. Leave it out. The tool's author can "
                "give a client credentials: http.client(origin, headers)."
            )
        if not _can_be_sent(name, value):
            raise RequestNotAllowed(
                f"The header {name!r} cannot be sent. Expected printable ASCII without a space at its ends."
            )
        sent[name.lower()] = value
    return sent


def origin(url: httpx2.URL) -> str:
    """Returns ``scheme://host:port`` of `url`."""
    return f"{url.scheme}://{host(url)}:{port(url)}"


def host(url: httpx2.URL) -> str:
    """Returns the host of `url` in ASCII."""
    return url.raw_host.decode("ascii")


def port(url: httpx2.URL) -> int:
    """Returns the port of `url`, or that of its scheme."""
    return url.port or (443 if url.scheme == "https" else 80)


def _can_be_sent(name: str, value: str) -> bool:
    """An error of the HTTP library for another value would show the value, which may be a key."""
    text = name + value
    return text.isascii() and text.isprintable() and value == value.strip()


def _without_userinfo(url: httpx2.URL) -> str:
    return str(url.copy_with(username=None, password=None)) if url.userinfo else str(url)
