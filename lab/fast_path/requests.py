"""A large set of requests, right, wrong and odd, made the same in every run."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from lab.mcp_wire import Era, request

# Values that arguments are drawn from, whatever the schema says.
VALUES = [None, 0, 1, -1, 2.5, "1", "", "north", "ä", True, [], [1], {}, {"a": None}, 10**30]


@dataclass(frozen=True)
class Sent:
    """One HTTP request, and what is odd about it."""

    what: str
    headers: list[tuple[str, str]]
    body: bytes
    method: str = "POST"
    path: str = "/mcp"
    chunked: bool = False
    message: dict[str, Any] = field(default_factory=dict, compare=False)


def plain(method: str, era: Era, **params: Any) -> Sent:
    """A request as a careful client sends it."""
    made = request(method, era, **params)
    what = (
        f"{era} {method} {params.get('name') or params.get('uri') or ''} {params.get('arguments')}"
    )
    headers = [(name.lower(), value) for name, value in made["headers"].items()]
    return Sent(what, headers, json.dumps(made["json"]).encode(), message=made["json"])


def others(era: Era) -> Iterator[Sent]:
    """A plain request of each other method, and a notification."""
    about = {"capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    yield plain("initialize", era, protocolVersion="2025-11-25", **about)
    yield plain("ping", era)
    yield plain("server/discover", era)
    yield plain("logging/setLevel", era, level="info")
    ref, argument = {"type": "ref/prompt", "name": "plain"}, {"name": "name", "value": "A"}
    yield plain("completion/complete", era, ref=ref, argument=argument)
    yield plain("resources/subscribe", era, uri="same://text")
    yield plain("resources/unsubscribe", era, uri="same://text")
    yield plain("tasks/get", era, taskId="none")
    noted = plain("notifications/initialized", era)
    message = {name: value for name, value in noted.message.items() if name != "id"}
    yield replace(noted, body=json.dumps(message).encode(), message=message)


def arguments(schema: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """Arguments that a schema may accept; now and then one that it cannot."""
    made = {}
    for name, wanted in schema.get("properties", {}).items():
        if name in schema.get("required", ()) or draw.random() < 0.5:
            wild = draw.random() < 0.1
            made[name] = draw.choice(VALUES) if wild else _value(wanted, schema, draw)
    return made


def _value(wanted: dict[str, Any], schema: dict[str, Any], draw: random.Random) -> Any:
    if "enum" in wanted:
        return draw.choice(wanted["enum"])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in wanted:
            return _value(draw.choice(wanted[several]), schema, draw)
    if reference := wanted.get("$ref"):
        return _value(schema.get("$defs", {}).get(reference.rpartition("/")[2], {}), schema, draw)
    if "default" in wanted and draw.random() < 0.3:
        return wanted["default"]
    if wanted.get("type") == "array":
        return [_value(wanted.get("items", {"type": "string"}), schema, draw)]
    low = wanted.get("minimum", wanted.get("exclusiveMinimum", 0))
    return {
        "integer": int(low) + draw.randint(1, 3),
        "number": float(low) + 0.5,
        "boolean": draw.random() < 0.5,
        "string": draw.choice(["a", "1", "checkout", "2026-01-01", "logs/checkout.log"]),
        "object": {"a": 1},
        "null": None,
    }.get(wanted.get("type", "string"))


def odd(sent: Sent) -> Iterator[Sent]:
    """The same request with one thing about it that is not plain."""
    yield from _odd_headers(sent)
    yield from _odd_messages(sent)
    yield from _odd_bodies(sent)
    yield replace(sent, what=f"{sent.what} | path", path="/mcp/")
    yield replace(sent, what=f"{sent.what} | query", path="/mcp?a=1")
    yield replace(sent, what=f"{sent.what} | chunked", chunked=True)
    for method in ("GET", "DELETE", "PUT", "PATCH"):
        yield replace(sent, what=f"{sent.what} | {method}", method=method)


ODD_HEADERS: list[tuple[str, str | None]] = [
    *(
        ("accept", value)
        for value in (
            None, "*/*", "application/json", "text/event-stream", "application/*;q=0.5", "text/*",
            "text/html", "", "APPLICATION/JSON", "application/json;charset=utf-8, text/html",
            "application/jsonx", "application/json,application/json", "application/json;q=0",
            "*/*;q=0",
        )
    ),
    *(
        ("content-type", value)
        for value in (
            None, "text/plain", "application/json; charset=utf-8", "Application/JSON",
            "application/jsonp", "application/json,text/plain", "application/json ; x=y", "",
            "application/json;charset=utf-16",
        )
    ),
    *(
        ("mcp-protocol-version", value)
        for value in (None, "", "2025-03-26", "2024-11-05", "2025-06-18", "2025-11-25",
                      "2026-07-28", "2026-07-29", "1.0", "ä")
    ),
    *(("mcp-method", value) for value in (None, "", "tools/list", "TOOLS/CALL", "initialize")),
    *(("mcp-name", value) for value in (None, "", "other", "=?base64?YWRk?=", "=?base64?!?=")),
    ("mcp-param-a", "1"),
    ("mcp-session-id", "0123456789abcdef"),
    ("last-event-id", "7"),
    ("content-length", "5"),
    ("content-encoding", "gzip"),
    ("x-own-header", "kept"),
    ("origin", "http://localhost"),
]  # fmt: skip


def _odd_headers(sent: Sent) -> Iterator[Sent]:
    for name, value in ODD_HEADERS:
        if name == "content-length":
            continue  # the client's own business
        others = [pair for pair in sent.headers if pair[0] != name]
        made = others if value is None else [*others, (name, value)]
        yield replace(sent, what=f"{sent.what} | {name}: {value}", headers=made)
    for name in ("accept", "mcp-protocol-version", "mcp-method", "mcp-name", "content-type"):
        if twice := [pair for pair in sent.headers if pair[0] == name]:
            made = [*sent.headers, *twice]
            yield replace(sent, what=f"{sent.what} | twice {name}", headers=made)


_MISSING = object()
ODD_MEMBERS: dict[str, list[Any]] = {
    "id": [_MISSING, None, 0, -1, "a", "", "ä", 1.5, 2.0, True, [], {}, 2**53, 2**70, "1" * 300],
    "jsonrpc": [_MISSING, None, "1.0", 2.0, "2.00"],
    "method": [_MISSING, None, "", 1, [], {}, ["tools/call"], True, "tools/nothing", "ping", "initialize", "server/discover",
               "notifications/initialized", "resources/subscribe", "logging/setLevel",
               "completion/complete"],  # a listen stream would stay open
    "params": [_MISSING, None, [], "x", 1, {}],
    "result": [{}],
    "error": [{"code": 1, "message": "m"}],
    "extra": [1, None],
}  # fmt: skip
ODD_PARAMS: dict[str, list[Any]] = {
    "name": [_MISSING, None, 1, "", "nothing", "ä", ["add"]],
    "uri": [_MISSING, None, 1, "", "same://nothing", "not a uri", "file:///etc/passwd"],
    "arguments": [_MISSING, None, [], "x", 1, {}, {"unknown": 1}, {"": 1}, {"a": {"b": [None]}}],
    "cursor": [None, "", "x", 1],
    "task": [None, {}, {"ttl": 1}],
    "inputResponses": [None, {}, {"name": {"action": "accept", "content": {"name": "Ada"}}}, 1],
    "requestState": [None, "", "v1.forged", 1],
    "extra": [1],
}
_KEY = "io.modelcontextprotocol/"
ODD_META: dict[str, list[Any]] = {
    "progressToken": [None, 1, "a", 1.5, True, [], ""],
    "traceparent": [None, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 1],
    "fastmcp": [None, {}, {"version": "1"}, {"version": 1}],
    "own": [1],
    f"{_KEY}protocolVersion": [_MISSING, None, "", "2025-11-25", "2026-07-28", "9", 1],
    f"{_KEY}clientCapabilities": [_MISSING, None, {}, [], 1, {"sampling": {}}, {"sampling": 1}],
    f"{_KEY}clientInfo": [_MISSING, None, {}, {"name": "n"}, {"name": 1, "version": "1"}, 1],
    f"{_KEY}logLevel": [None, "info", "error", "loud", 1],
}


def _odd_messages(sent: Sent) -> Iterator[Sent]:
    message = sent.message
    params = message.get("params") or {}
    for name, values in ODD_MEMBERS.items():
        for value in values:
            yield _with(sent, name, value, _put(message, name, value))
    for name, values in ODD_PARAMS.items():
        for value in values:
            made = {**message, "params": _put(params, name, value)}
            yield _with(sent, f"params.{name}", value, made)
    for value in (None, [], "x", 1, {}):
        yield _with(sent, "_meta", value, {**message, "params": {**params, "_meta": value}})
    for name, values in ODD_META.items():
        for value in values:
            meta = _put(params.get("_meta") or {}, name, value)
            made = {**message, "params": {**params, "_meta": meta}}
            yield _with(sent, f"_meta.{name}", value, made)


def _put(members: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    others = {k: v for k, v in members.items() if k != name}
    return others if value is _MISSING else {**others, name: value}


def _with(sent: Sent, name: str, value: Any, message: Any) -> Sent:
    text = "missing" if value is _MISSING else repr(value)[:40]
    return replace(sent, what=f"{sent.what} | {name} = {text}", body=json.dumps(message).encode())


def _odd_bodies(sent: Sent) -> Iterator[Sent]:
    text = sent.body.decode()
    bodies: dict[str, bytes] = {
        "empty": b"",
        "not JSON": b"{",
        "batch": f"[{text}]".encode(),
        "batch of none": b"[]",
        "number": b"1",
        "null": b"null",
        "two": (text + text).encode(),
        "spaces around": f" \n{text}\t ".encode(),
        "byte order mark": b"\xef\xbb\xbf" + sent.body,
        "UTF-16": text.encode("utf-16"),
        "not UTF-8": sent.body.replace(b'"jsonrpc"', b'"\xff": 1, "jsonrpc"'),
        "surrogate": text.replace('"jsonrpc"', r'"x": "\ud800", "jsonrpc"', 1).encode(),
        "double member": text.replace('"jsonrpc"', '"method": "ping", "jsonrpc"', 1).encode(),
        "id twice": text.replace('"id": 1', '"id": 2, "id": 1', 1).encode(),
        "single quotes": text.replace('"', "'").encode(),
        "comment": (text + "// c").encode(),
        **{f"id {raw}": text.replace('"id": 1', f'"id": {raw}', 1).encode() for raw in ODD_IDS},
        **dict(_with_raw(sent.body, b'"params": {', b'"x": %b, ')),
        **dict(_with_raw(sent.body, b'"params": {', b'"y": "' + b"y" * 5000 + b'", "x": %b, ')),
        **dict(_with_raw(sent.body, b'"_meta": {', b'"x": %b, ')),
        **dict(_with_raw(sent.body, b'"arguments": {', b'"x": %b, ')),
        **dict(
            _with_raw(sent.body, b'"arguments": {"a": 1', b', "a": %b')
        ),  # of `add`: the last counts
    }
    for what, body in bodies.items():
        if body != sent.body:  # else it has no such place
            yield replace(sent, what=f"{sent.what} | body {what}", body=body)


# As they are written: JSON in Python would write them in another way.
ODD_IDS = ("1e0", "-0", "1E2", "9007199254740991", "9007199254740993", r'"\ud800"', r'"\u0000"')
RAW: dict[str, bytes] = {
    "NaN": b"NaN",
    "endless": b"-Infinity",
    "too large": b"1e400",
    "minus zero": b"-0",
    "whole float": b"1.0",
    "beyond 2**53": b"9007199254740993",
    "400 digits": b"9" * 400,
    "5000 digits": b"9" * 5000,
    "leading zero": b"01",
    "half a surrogate pair": rb'"\ud800"',
    "a whole one": rb'"\ud83d\ude00"',
    "half of one as UTF-8": b'"\xed\xa0\x80"',
    "not UTF-8": b'"\xff"',
    "NUL": rb'"\u0000"',
    "line break": b'"\n"',
    "double member": b'{"a": 1, "a": 2}',
    "nameless member": b'{"": 1}',
    "half a pair as name": rb'{"\ud800": 1}',
    "comma too many": b"[1, ]",
    "150 deep": b"[" * 150 + b"]" * 150,
    "300 deep": b"[" * 300 + b"]" * 300,
    "5000 deep": b'{"a":' * 5000 + b"1" + b"}" * 5000,
}


def _with_raw(body: bytes, after: bytes, put: bytes) -> Iterator[tuple[str, bytes]]:
    """The body with each of RAW written behind `after`, if that is in it."""
    for what, raw in RAW.items():
        where = f"{after.decode()} {len(put)}: {what}"
        yield where, body.replace(after, after + put.replace(b"%b", raw), 1)


def once_different(sent: Sent) -> Iterator[Sent]:
    """What the fast path did not answer as the framework does; sent in every run."""
    message, params = sent.message, sent.message.get("params") or {}
    unwanted = [pair for pair in sent.headers if pair[0] != "accept"]
    unwanted.append(("accept", "application/json;q=0"))
    yield replace(sent, what=f"{sent.what} | accept JSON;q=0", headers=unwanted)
    for value in ([], {}):
        yield _with(sent, "method", value, _put(message, "method", value))
    for name in ("name", "uri"):
        if name in params:
            half = {**params, name: "\ud800", "extra": "y" * 5000}  # long ones are parsed otherwise
            yield _with(sent, f"long, params.{name}", "\\ud800", _put(message, "params", half))
            unnamed = [pair for pair in sent.headers if pair[0] != "mcp-name"]
            empty = _put(message, "params", {**params, name: ""})
            yield replace(_with(sent, f"no mcp-name, params.{name}", "", empty), headers=unnamed)
