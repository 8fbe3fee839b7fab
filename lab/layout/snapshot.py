"""A snapshot of all keys in Redis, as JSON, and its way back into another Redis."""

import re
import time
from collections.abc import Iterable
from typing import Any

from redis import Redis

# The time to live of a restored key. The recorded one would let a test pass today and fail tomorrow.
SECONDS = 3600

# Whose data a key is, by what stands before the id in it.
IDS = {
    "inbox": "replica",
    "job": "job",
    "job-key": "caller:key",
    "jobs:asking": "caller",
    "jobs:figures": "tool",
    "jobs:held": "tenant",
    "jobs:queued": "tenant",
    "replica": "replica",
    "session": "session",
    "sessions-of": "caller",
    "state": "state",
    "state-of:fastmcp_state": "session",
    "state-of:fastmcp_state:session": "caller",
    "state-of:fastmcp_state:user": "caller",
    "subscribers": "uri",
}
# Sets of jobs that are ours. All others that begin with `jobs:` are Docket's, which names them.
OURS = ("asking", "failed", "figures", "held", "lease", "queued", "running")


def of(client: Redis) -> list[dict[str, Any]]:
    """All keys, with their values. Bytes that are no UTF-8 become surrogates, which JSON can hold."""
    found = []
    for key in sorted(client.scan_iter()):
        kind, ttl = _text(client.type(key)), client.pttl(key)
        if kind != "none":  # it has expired meanwhile
            value = _READ[kind](client, key)
            found.append({"name": _text(key), "type": kind, "expires": ttl != -1, "value": value})
    return found


def restore(client: Redis, keys: Iterable[dict[str, Any]], recorded: float) -> None:
    """Writes the keys. The score of a sorted set is a time, and moves by the age of the record."""
    age = time.time() - recorded
    for key in keys:
        name, value = _bytes(key["name"]), key["value"]
        if key["type"] == "hash":
            client.hset(name, mapping={_bytes(k): _bytes(v) for k, v in value.items()})
        elif key["type"] == "zset":
            client.zadd(name, {_bytes(k): _aged(score, age) for k, score in value.items()})
        elif key["type"] == "set":
            client.sadd(name, *map(_bytes, value))
        elif key["type"] == "stream":
            for number, fields in value["entries"]:
                client.xadd(name, {_bytes(k): _bytes(v) for k, v in fields.items()}, id=number)
            for group, last in value["groups"].items():
                client.xgroup_create(name, group, last, mkstream=True)
        else:
            client.set(name, _bytes(value))
        if key["expires"]:
            client.expire(name, SECONDS)


def kinds(keys: Iterable[dict[str, Any]], service: str) -> dict[str, dict[str, Any]]:
    """Our kinds of keys: type, fields, and whether they expire, by name with placeholders for ids."""
    found: dict[str, dict[str, Any]] = {}
    for key in keys:
        name = key["name"].removeprefix(f"{service}:")
        if name.startswith("jobs:") and name.split(":")[1] not in OURS:
            continue
        kind = {"type": key["type"], "fields": fields(key), "expires": key["expires"]}
        found = merged(found, {_kind(name): kind})
    return found


def merged(one: dict[str, dict[str, Any]], two: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The kinds of both, with the fields of both."""
    both = {**one, **two}
    for name in one.keys() & two.keys():
        together = sorted({*one[name]["fields"], *two[name]["fields"]})
        expires = one[name]["expires"] and two[name]["expires"]
        both[name] = {**two[name], "fields": together, "expires": expires}
    return dict(sorted(both.items()))


def fields(key: dict[str, Any]) -> list[str]:
    """The names of a hash's or a stream's fields."""
    found: set[str] = set()
    if key["type"] == "hash":
        found.update(key["value"])
    if key["type"] == "stream":
        found.update(*(entry for _, entry in key["value"]["entries"]))
    # `ID/call` of a job, `.fact` of a state
    return sorted({re.sub(r"^\..*", ".<name>", re.sub(r"^\w+/", "<job>/", f)) for f in found})


def _kind(name: str) -> str:
    before, brace, rest = name.partition("{")
    if not brace:
        return name
    after = rest.rpartition("}")[2]
    after = re.sub(r"^:(stream|reader|call):(?!get$).*", r":\1:<call>", after)
    if before.startswith("state-of:"):
        after = re.sub(r"^:(?!_).*", ":<name>", after)
    return f"{before}{{{IDS.get(before.rstrip(':'), 'id')}}}{after}"


def _aged(score: float, age: float) -> float:
    return score + (1000 * age if score > 1e12 else age)  # milliseconds, or seconds, since 1970


def _text(value: bytes) -> str:
    return value.decode(errors="surrogateescape")


def _bytes(value: str) -> bytes:
    return value.encode(errors="surrogateescape")


def _fields(found: dict[bytes, bytes]) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in found.items()}


def _stream(client: Any, key: bytes) -> dict[str, Any]:
    groups = {_text(g["name"]): _text(g["last-delivered-id"]) for g in client.xinfo_groups(key)}
    entries = [[_text(number), _fields(entry)] for number, entry in client.xrange(key)]
    return {"entries": entries, "groups": groups}


_READ: dict[str, Any] = {
    "hash": lambda client, key: _fields(client.hgetall(key)),
    "set": lambda client, key: sorted(map(_text, client.smembers(key))),
    "stream": _stream,
    "string": lambda client, key: _text(client.get(key)),
    "zset": lambda client, key: {
        _text(member): score for member, score in client.zrange(key, 0, -1, withscores=True)
    },
}
