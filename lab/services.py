"""Real HTTP services on loopback for the tests of calls to other services."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Service:
    """A running server: where it is, and what it was asked."""

    port: int
    asked: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def entry(self) -> str:
        return f"127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: Service

    def _answer(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.service.asked.append(
            {"method": self.command, "path": self.path, "headers": headers, "body": body}
        )
        path, _, query = self.path.partition("?")
        getattr(self, f"_get_{path.strip('/')}", self._get_missing)(query)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _get_json(self, _: str) -> None:
        asked = json.dumps({"asked": self.service.asked[-1]}).encode()
        cookie = {"Set_Cookie": "session=1"}
        self._send(200, asked, Content_Type="application/json", ETag='"1"', **cookie)

    def _get_text(self, _: str) -> None:
        self._send(200, b"plain \xff", Content_Type="text/plain")

    def _get_brokenjson(self, _: str) -> None:
        self._send(200, b'{"a": ', Content_Type="application/problem+json")

    def _get_missing(self, _: str) -> None:
        self._send(404, b"{}", Content_Type="application/json")

    def _get_redirect(self, query: str) -> None:
        self._send(302, b"", Location=query)

    def _get_slow(self, query: str) -> None:
        time.sleep(float(query))
        self._send(200, b"late")

    def _get_drip(self, _: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        for _number in range(400):
            self.wfile.write(b"x")
            time.sleep(0.1)

    def _get_big(self, query: str) -> None:
        self._send(200, b"x" * int(query))

    def _get_endless(self, _: str) -> None:
        self.send_response(200)
        self.end_headers()
        while True:  # until the caller hangs up
            self.wfile.write(b"x" * 10_000)

    def _get_packed(self, _: str) -> None:
        import gzip

        self._send(200, gzip.compress(b"0" * 1_000_000), Content_Encoding="gzip")

    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        pass  # a caller that hangs up is part of the tests


@contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[Service]:
    """A service on a free port of loopback."""
    handler = type("Handler", (_Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    service = Service(server.server_address[1])
    handler.service = service  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def certificate_for(name: str, folder: Any) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS for a server called `name` and for a client that trusts it, and it alone."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "certificate.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


Resolver = Callable[[str, int], Any]


def answers(*rounds: list[str]) -> tuple[Resolver, list[str]]:
    """A resolver that gives one round's addresses at each question, and the questions so far."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return rounds[min(len(asked), len(rounds)) - 1]

    return resolve, asked
