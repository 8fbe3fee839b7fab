"""Messages of MCP, right ones first and then with something odd in them; all by one seed."""

import copy
import json
from random import Random
from typing import Any

from lab.mcp_wire import Era, request

URI = "sample://greeting"
# Method and parameters. The calls end at once when they are right.
RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("tools/call", {"name": "echo", "arguments": {"text": "x"}}),
    ("tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}}),
    ("tools/call", {"name": "keep", "arguments": {"key": "k", "value": "v"}}),
    ("tools/call", {"name": "kept", "arguments": {"keys": ["k", "l"]}}),
    ("tools/list", {}),
    ("resources/list", {}),
    ("resources/templates/list", {}),
    ("resources/read", {"uri": URI}),
    ("prompts/list", {}),
    ("prompts/get", {"name": "greet", "arguments": {"name": "x"}}),
    ("completion/complete", {"ref": {"type": "ref/prompt", "name": "greet"},
                             "argument": {"name": "name", "value": "x"}}),
    ("ping", {}),
    ("server/discover", {}),
    ("logging/setLevel", {"level": "info"}),
    ("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                    "clientInfo": {"name": "fuzz", "version": "1"}}),
    ("subscriptions/listen", {"notifications": {"toolsListChanged": True}}),
    ("resources/subscribe", {"uri": URI}),
    ("resources/unsubscribe", {"uri": URI}),
    ("tasks/get", {"taskId": "x"}),
    ("tasks/update", {"taskId": "x", "inputResponses": {}}),
    ("tasks/cancel", {"taskId": "x"}),
    ("notifications/initialized", {}),
    ("notifications/cancelled", {"requestId": 1, "reason": "x"}),
    ("notifications/progress", {"progressToken": 1, "progress": 1}),
    ("notifications/roots/list_changed", {}),
]  # fmt: skip
METHODS = ["", "tools", "tools/call/", "TOOLS/CALL", "rpc.discover", "__init__", "tools/\x00", "é"]
TEXTS = [
    "",
    "x" * 300,
    "\x00",
    "\ud800",
    "é\u202e𝄞",
    "../../etc/passwd",
    "a.b.c",
    "__class__",
    "%00",
]
NUMBERS = [0, -1, 1.5, -0.0, 2**31, 2**53 + 1, 2**64, 10**400, 1e308, float("nan"), float("inf")]
KEYS = ["name", "uri", "_meta", "arguments", "progressToken", "requestState", "inputResponses",
        "task", "cursor", "__proto__", "", "\x00", "\ud800"]  # fmt: skip


def value(chance: Random, depth: int = 0) -> Any:
    """Any JSON value, and some that are none."""
    kind = chance.randrange(9 if depth < 3 else 6)
    if kind == 0:
        return None
    if kind == 1:
        return chance.random() < 0.5
    if kind in (2, 3):
        return chance.choice(NUMBERS)
    if kind in (4, 5):
        return chance.choice(TEXTS)
    if kind == 6:
        return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    keys = [chance.choice(KEYS) for _ in range(chance.randrange(4))]
    return {key: value(chance, depth + 1) for key in keys}


def made(chance: Random, era: Era) -> tuple[dict[str, str], Any]:
    """The headers and the message of a right request."""
    method, params = chance.choice(RIGHT)
    built = request(method, era, chance.randrange(1, 10_000), **params)
    message = copy.deepcopy(built["json"])  # its parts are others' too
    if method.startswith("notifications/"):
        del message["id"]
    return built["headers"], message


def odd(chance: Random, message: Any) -> Any:
    """The message with one to three things in it that are odd."""
    for _ in range(chance.randint(1, 3)):
        message = chance.choice(CHANGES)(chance, message)
    return message


def _places(message: Any) -> list[tuple[Any, Any]]:
    """Each container in the message with each of its keys."""
    found: list[tuple[Any, Any]] = []
    left = [message]
    while left:
        node = left.pop()
        inside = list(node.items() if isinstance(node, dict) else enumerate(node))
        found += [(node, key) for key, _ in inside]
        left += [child for _, child in inside if isinstance(child, dict | list)]
    return found


def _somewhere(chance: Random, message: Any) -> tuple[Any, Any] | None:
    places = _places(message) if isinstance(message, dict | list) else []
    return chance.choice(places) if places else None


def _replaced(chance: Random, message: Any) -> Any:
    if place := _somewhere(chance, message):
        place[0][place[1]] = value(chance)
        return message
    return value(chance)


def _removed(chance: Random, message: Any) -> Any:
    if place := _somewhere(chance, message):
        del place[0][place[1]]
    return message


def _added(chance: Random, message: Any) -> Any:
    if (place := _somewhere(chance, message)) and isinstance(place[0], dict):
        place[0][chance.choice(KEYS)] = value(chance)
    return message


def _with_an_id(chance: Random, message: Any) -> Any:
    if isinstance(message, dict):
        message["id"] = chance.choice([None, True, "", "7", [], {}, "x" * 200, *NUMBERS])
    return message


def _with_a_method(chance: Random, message: Any) -> Any:
    if isinstance(message, dict):
        message["method"] = chance.choice(METHODS + [method for method, _ in RIGHT])
    return message


def _deep(chance: Random, message: Any) -> Any:
    nested: Any = message
    for _ in range(chance.choice([20, 60, 150])):
        nested = [nested] if chance.random() < 0.5 else {"a": nested}
    if chance.random() < 0.5 and isinstance(message, dict):
        return {**message, "params": nested}
    return nested


def _batch(chance: Random, message: Any) -> Any:
    return [message] * chance.randrange(3)


def _answer(chance: Random, message: Any) -> Any:
    """What a client sends to answer the server, who has asked nothing."""
    kind = chance.choice(["result", "error"])
    return {"jsonrpc": "2.0", "id": chance.choice([1, "x", None]), kind: value(chance)}


CHANGES = [*[_replaced] * 4, _removed, _removed, _added, _added, _with_an_id, _with_a_method,
           _deep, _batch, _answer]  # fmt: skip


def text(chance: Random, message: Any) -> bytes:
    """The message as bytes, now and then in another encoding, cut, or with keys twice."""
    written = json.dumps(message, ensure_ascii=chance.random() < 0.8)
    body = written.encode("utf-8", "surrogatepass")
    kind = chance.randrange(24)
    if kind == 0:
        return body.decode("utf-8", "replace").encode(chance.choice(["utf-16", "utf-32", "utf-7"]))
    if kind == 1:
        return b"\xef\xbb\xbf" + body
    if kind == 2:
        return body[: chance.randrange(len(body) + 1)]
    if kind == 3:
        at = chance.randrange(len(body) + 1)
        return body[:at] + bytes(chance.randrange(256) for _ in range(3)) + body[at:]
    if kind == 4 and body.startswith(b"{"):
        return b'{"method":"tools/list","id":3,' + body[1:]
    if kind == 5:
        return body + chance.choice([b"\x00", b" " * 1000, b"{}", b"\n\n", body])
    if kind == 6:
        depth = chance.choice([500, 5_000, 20_000])
        deep = b"[" * depth + b"]" * depth if chance.random() < 0.5 else b'{"a":' * depth
        return b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":%b}' % deep
    return body
