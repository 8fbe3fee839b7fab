"""A name server for the balancer, in Docker's place: one A record a replica, whatever the name.

Answers as Docker's does (moby, libnetwork/resolver.go): a TTL of 600 s, and an answer that is
longer than the asker takes is cut and marked as cut.
"""

import socket
import socketserver
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

A, OPT = 1, 41
PLAIN = 512  # bytes of an answer to who does not say what it takes
_HEAD = struct.Struct("!HHHHHH")


class Names(socketserver.UDPServer):
    """Who answers to the name now; `addresses` may change at any time, as `docker scale` does."""

    addresses: list[str]

    @property
    def at(self) -> str:
        """Its own address."""
        return "{}:{}".format(*self.server_address)


class _Query(socketserver.DatagramRequestHandler):
    server: Names

    def handle(self) -> None:
        self.wfile.write(answer(self.rfile.read(), self.server.addresses))


@contextmanager
def names(addresses: Sequence[str] = ()) -> Iterator[Names]:
    """A name server that runs."""
    with Names(("127.0.0.1", 0), _Query) as made:
        made.addresses = list(addresses)
        thread = threading.Thread(target=made.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield made
        finally:
            made.shutdown()
            thread.join()


def answer(query: bytes, addresses: Sequence[str]) -> bytes:
    """The response to a query of one question (RFC 1035, 4.1; RFC 6891 for its size)."""
    number, _, _, _, _, more = _HEAD.unpack_from(query)
    end = _HEAD.size
    while query[end]:
        end += 1 + query[end]
    kind, _ = struct.unpack_from("!HH", query, end + 1)
    question = query[_HEAD.size : end + 5]
    most = PLAIN
    if more:  # its only further record is what it takes: root, OPT, bytes
        found, taken = struct.unpack_from("!HH", query, end + 6)
        most = max(PLAIN, taken) if found == OPT else PLAIN
    records = [_record(address) for address in addresses] if kind == A else []
    fitting = records[: (most - _HEAD.size - len(question)) // 16]
    flags = 0x8180 | (0x0200 if len(fitting) < len(records) else 0)
    return _HEAD.pack(number, flags, 1, len(fitting), 0, 0) + question + b"".join(fitting)


def _record(address: str) -> bytes:
    return struct.pack("!HHHIH", 0xC00C, A, 1, 600, 4) + socket.inet_aton(address)
