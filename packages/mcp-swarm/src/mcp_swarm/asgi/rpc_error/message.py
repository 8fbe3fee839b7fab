"""The id of a JSON-RPC request, read from the two ends of its body.

A request has four members, and only ``params`` is nested: the others are before or after it. So both
ends of the body are enough, whatever its size, and take little memory. deploy/haproxy/rpc_error.lua
reads the id in the same way.
"""

import json
import re
from typing import Final

# Bytes kept of each end. Ids of clients have a few dozen.
KEPT: Final = 4096
MAX_MEMBERS: Final = 8

_STRING = rb'"(?:[^"\\]|\\.)*+"'
_MEMBER = rb"\s*+(%b)\s*+:\s*+(%b|[-+.\w]++)\s*+" % (_STRING, _STRING)
_OPENING = re.compile(rb"(?:\xef\xbb\xbf)?\s*+\{")
_NEXT = re.compile(_MEMBER + rb"[,}]")
# The last members in a row that are not nested, and the brace that ends the message.
_CLOSING = re.compile(
    rb"[,{](?:%b,){0,%d}%b\}\s*+\Z" % (_MEMBER, MAX_MEMBERS - 1, _MEMBER), re.DOTALL
)
_ID = re.compile(rb"%b|-?(?:0|[1-9]\d*)" % _STRING)


class Ends:
    """The first and the last bytes of a body that arrives in parts."""

    __slots__ = ("head", "tail")

    def __init__(self) -> None:
        self.head = b""
        self.tail = b""

    def add(self, part: bytes) -> None:
        """Adds the next part of the body."""
        if len(self.head) < KEPT:
            self.head += part[: KEPT - len(self.head)]
        self.tail = part[-KEPT:] if len(part) >= KEPT else (self.tail + part)[-KEPT:]

    def request_id(self) -> bytes | None:
        """Returns the id as it was written; None if the body is not a request with an id."""
        members = {**_leading(self.head), **_trailing(self.tail)}
        found = members.get("id", b"")
        return found if "method" in members and _ID.fullmatch(found) else None


def _leading(head: bytes) -> dict[str, bytes]:
    """Returns the members before the first nested one."""
    opening = _OPENING.match(head)
    return _members(head, opening.end()) if opening else {}


def _trailing(tail: bytes) -> dict[str, bytes]:
    """Returns the members after the last nested one.

    A match cannot begin inside a string: none has a comma or a brace followed by a bare quote.
    """
    closing = _CLOSING.search(tail)
    return _members(tail, closing.start() + 1) if closing else {}


def _members(text: bytes, position: int) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    while len(found) < MAX_MEMBERS and (member := _NEXT.match(text, position)):
        try:
            found[json.loads(member[1])] = member[2]
        except ValueError:  # not a name in JSON
            break
        position = member.end()
    return found
