"""HTTP/1.1 for uvicorn that ignores the ``Upgrade`` header (RFC 9110 §7.8).

``curl --http2`` and Java's HttpClient offer HTTP/2 and send their request anyway. The parser then
treats the data after the headers as the other protocol, so the body would be lost.
"""

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_OF_AN_UPGRADE = {b"upgrade", b"http2-settings"}


class PlainProtocol(HttpToolsProtocol):
    """Serves each request as if it had no ``Upgrade`` header."""

    is_upgrade = False

    def on_headers_complete(self) -> None:
        """Begins the request, unless it must be parsed again without the upgrade headers."""
        # CONNECT changes the protocol by its method, and has no body.
        self.is_upgrade = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if not self.is_upgrade:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self.is_upgrade:
            super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stopped:
            if self.is_upgrade:
                self.parse_again(data[stopped.args[0] :])
        except httptools.HttpParserError:
            message = "Invalid HTTP request received."
            self.logger.warning(message)
            self.send_400_response(message)

    def parse_again(self, rest: bytes) -> None:
        """Passes the head without the upgrade headers, and the data after it, to a new parser."""
        start = b"%b %b HTTP/%b\r\n" % (
            self.parser.get_method(),
            self.url,
            self.parser.get_http_version().encode(),
        )
        lines = [b"%b: %b\r\n" % pair for pair in _without_upgrade(self.headers)]
        self.parser: Any = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.data_received(b"".join([start, *lines, b"\r\n", rest]))


def _without_upgrade(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    kept = [pair for pair in headers if pair[0] not in {*_OF_AN_UPGRADE, b"connection"}]
    options = b",".join(value for name, value in headers if name == b"connection")
    left = [o.strip() for o in options.split(b",") if o.strip().lower() not in _OF_AN_UPGRADE]
    return [*kept, *([(b"connection", b", ".join(left))] if left else [])]
