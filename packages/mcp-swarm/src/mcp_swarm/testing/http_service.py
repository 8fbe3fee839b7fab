"""An HTTP server on loopback, in place of a service that tools call."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Received(NamedTuple):
    """A request as it arrived; the names of its headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpService:
    """A running server.

    Attributes:
        url: its origin, such as ``http://127.0.0.1:43123``.
        host: its entry in ``MCP_OUTBOUND_HOSTS``.
        answers: path → the JSON that it answers; any other path is 404.
        received: the requests so far.
    """

    url: str
    host: str
    answers: dict[str, Any] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)


@contextmanager
def running(address: str = "127.0.0.1") -> Iterator[HttpService]:
    """Serves on a free port of this machine's `address` until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            service.received.append(Received(self.command, self.path, headers, body))
            path = self.path.partition("?")[0]
            content = json.dumps(service.answers.get(path)).encode()
            self.send_response(200 if path in service.answers else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """The test has `received`."""

    server = ThreadingHTTPServer((address, 0), Handler)
    server.daemon_threads = True
    host = f"{address}:{server.server_address[1]}"
    service = HttpService(f"http://{host}", host)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
