"""The HTTP client that calls only the hosts on its allow-list.

It checks an address right before it connects, so DNS rebinding has no effect; TLS and the Host header
keep the name. It sends nothing of the caller: no cookies, and no credentials or proxies from the
environment. The author of a tool can give a client credentials for one origin.
Source of the rules: OWASP, Server-Side Request Forgery Prevention.
"""

import asyncio
import copy
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpcore2
import httpx2
from fastmcp.exceptions import ToolError

from mcp_swarm.http.allow_list import AllowList, RequestNotAllowed
from mcp_swarm.http.headers import Credentials, host, of_caller, origin, port

MAX_REDIRECTS: Final = 5
MAX_URL_CHARS: Final = 2048
MAX_CONNECTIONS: Final = 50
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

_REDIRECTS = {301, 302, 303, 307, 308}
Resolver = Callable[[str, int], Awaitable[list[str]]]


class Unreachable(ToolError):
    """A listed host did not answer properly, or in time. The message is meant for the client."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. ``headers`` have lower-case names; ``content`` has at most ``max_bytes``."""

    status: int
    url: str
    headers: Mapping[str, str]
    content: bytes
    truncated: bool
    redirects: tuple[str, ...]
    milliseconds: float


async def resolve(host: str, port: int) -> list[str]:
    """Returns the addresses of ``host``, as the system resolves it."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(
            f"The host name {host!r} cannot be resolved. Check its spelling."
        ) from error
    return list(dict.fromkeys(str(address[4][0]) for address in found))


class HttpClient:
    """Calls the hosts that ``allowed`` lists. Tests replace ``resolver``."""

    def __init__(
        self,
        allowed: Iterable[str],
        *,
        resolver: Resolver = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allow_list = AllowList.parse(allowed)
        self._backend = _CheckedBackend(self._allow_list, resolver)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls or httpcore2.default_ssl_context(),
            max_connections=MAX_CONNECTIONS,
            keepalive_expiry=15.0,
            network_backend=self._backend,
        )
        self.credentials: Credentials | None = None

    def with_credentials(self, url: str, headers: Mapping[str, str]) -> "HttpClient":
        """Returns a client on the same connections that sends `headers` to the origin of `url` only.

        Raises:
            ValueError: `url` is more than an origin, or a header cannot be sent.
        """
        made = copy.copy(self)
        made.credentials = Credentials.make(url, headers)
        return made

    async def close(self) -> None:
        """Closes all connections."""
        await self._pool.aclose()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        seconds: float = 10.0,
        max_bytes: int = 1_000_000,
    ) -> Answer:
        """Calls ``url`` and reads at most ``max_bytes`` of the answer's body.

        It follows redirects of GET and HEAD, at most 5, and checks each like the first URL; it follows
        none from https to http. For other methods it returns the redirect itself. ``seconds`` is the
        timeout for everything, including name lookup and redirects. Nothing is retried.

        Raises:
            RequestNotAllowed: the URL, a header, or a redirect is not allowed.
            Unreachable: no connection, invalid HTTP, or a timeout.
        """
        if method not in METHODS:
            raise RequestNotAllowed(f"The method {method!r} is not one of {', '.join(METHODS)}.")
        target, sent = self._target(url), of_caller(headers or {}, self.credentials)
        if self.credentials and self.credentials.origin == origin(target):
            sent |= self.credentials.headers
        began, passed = time.perf_counter(), [url]
        async with _readable_errors(url, seconds):
            while True:
                reply = await self._once(method, target, sent, content, max_bytes)
                status, found, body = reply
                location = found.get("location")
                if status not in _REDIRECTS or location is None or method not in ("GET", "HEAD"):
                    break
                following = self._follow(target, location, len(passed))
                if origin(following) != origin(target):
                    sent = {name: sent[name] for name in ("accept", "user-agent") if name in sent}
                target = following
                passed.append(str(target))
        return Answer(
            status=status,
            url=str(target),
            headers=found,
            content=body[:max_bytes],
            truncated=len(body) > max_bytes,
            redirects=tuple(passed[1:]),
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
        )

    async def connect(self, host: str, port: int, *, seconds: float = 5.0) -> float:
        """Connects to a listed ``host:port`` and disconnects; returns the milliseconds it took.

        Raises:
            RequestNotAllowed: it is not listed, or its address is private.
            Unreachable: nothing answers there in time.
        """
        self._allow_list.check_host(host, port)
        began = time.perf_counter()
        async with _readable_errors(f"{host}:{port}", seconds):
            stream = await self._backend.connect_tcp(host, port, timeout=seconds)
            await stream.aclose()
        return round((time.perf_counter() - began) * 1000, 1)

    def _target(self, url: str) -> httpx2.URL:
        if len(url) > MAX_URL_CHARS:
            raise RequestNotAllowed(
                f"The URL has {len(url)} characters; at most {MAX_URL_CHARS} are allowed."
            )
        try:
            target = httpx2.URL(url)
        except (httpx2.InvalidURL, ValueError) as error:
            raise RequestNotAllowed(f"{url!r} is not a URL: {error}.") from error
        if target.scheme not in ("http", "https") or not target.host:
            raise RequestNotAllowed(
                f"{url!r} is not a full http or https URL, such as https://api.example/v1."
            )
        if target.userinfo:
            raise RequestNotAllowed(
                "The URL has a user or password, which is not sent. Remove them."
            )
        self._allow_list.check_host(host(target), port(target))
        return target

    def _follow(self, source: httpx2.URL, location: str, hops: int) -> httpx2.URL:
        if hops > MAX_REDIRECTS:
            raise RequestNotAllowed(
                f"More than {MAX_REDIRECTS} redirects, the last to {location[:200]!r}."
            )
        try:
            following = source.join(location)
        except (httpx2.InvalidURL, ValueError) as error:
            raise Unreachable(f"The redirect to {location[:200]!r} is not a URL.") from error
        if source.scheme == "https" and following.scheme != "https":
            raise RequestNotAllowed(
                f"A redirect leads from https to {str(following)[:200]!r}. It is not followed."
            )
        try:
            return self._target(str(following))
        except RequestNotAllowed as error:
            raise RequestNotAllowed(f"{origin(source)} redirects elsewhere. {error}") from error

    async def _once(
        self,
        method: str,
        target: httpx2.URL,
        headers: Mapping[str, str],
        content: bytes | None,
        max_bytes: int,
    ) -> tuple[int, dict[str, str], bytes]:
        """Sends one request; returns status, headers and the body, up to a chunk over ``max_bytes``."""
        body = bytearray()
        sent = [(name.encode(), value.encode()) for name, value in headers.items()]
        async with self._pool.stream(method, str(target), headers=sent, content=content) as reply:
            found = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in reply.headers
            }
            if found.get("content-encoding", "identity").lower() != "identity":
                # Decompression could turn a small response into gigabytes.
                raise Unreachable(
                    f"{origin(target)} sends a compressed response "
                    f"({found['content-encoding'][:40]!r}) although the request does not accept it."
                )
            async for chunk in reply.aiter_stream():
                body += chunk
                if len(body) > max_bytes:
                    break
        return reply.status, found, bytes(body)


class _CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Connects only to addresses that the allow-list permits."""

    def __init__(self, allow_list: AllowList, resolver: Resolver) -> None:
        self._allow_list = allow_list
        self._resolver = resolver
        self._plain = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Resolves once, checks every address, and connects to the first that answers."""
        addresses = await self._resolver(host, port)
        for address in addresses:
            self._allow_list.check_address(address, host, port)
        for last, address in enumerate(addresses, 1 - len(addresses)):
            try:
                return await self._plain.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if last == 0:
                    raise
        raise Unreachable(f"The host {host!r} has no address.")


@asynccontextmanager
async def _readable_errors(where: str, seconds: float) -> AsyncIterator[None]:
    """Turns errors of the network into one clear error."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (TimeoutError, httpcore2.TimeoutException) as error:
        raise Unreachable(
            f"{where[:200]} did not answer within {seconds:g} s. "
            "Try again later, or check that the service is up."
        ) from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        detail = str(error).strip().splitlines()
        raise Unreachable(
            f"{where[:200]} cannot be reached: {detail[0][:200] if detail else 'disconnected'}. "
            "Check that the service is up, and the port and scheme."
        ) from error
