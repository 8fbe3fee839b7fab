"""The rows of the comparison: what is asked, of whom, and in which era."""

from dataclasses import dataclass
from typing import Any

from lab.bench.contender import TOKEN
from lab.mcp_wire import Era, call, request, with_headers

EVERYBODY = ("ours", "fastmcp", "mcpserver", "typescript")


@dataclass(frozen=True)
class Row:
    """One kind of request, sent to several contenders in turns.

    Attributes:
        name: as the table has it.
        made: the request.
        group: which servers it is sent to: `small`, `many` (100 tools), `auth`, `session`.
        to: contenders' names.
        session: empty: none; `warm`: that the server has served before; `cold`: that was opened
            on another replica, and each used for one call.
    """

    name: str
    made: dict[str, Any]
    group: str
    to: tuple[str, ...]
    session: str = ""


def rows() -> list[Row]:
    """All of them; the eras side by side."""
    made = []
    for era in ("legacy", "modern"):
        made += _of(era)
    made += [
        Row(
            f"session call, {kind} (legacy)",
            call("add", "legacy", a=1, b=2),
            "session",
            EVERYBODY,
            kind,
        )
        for kind in ("warm", "cold")
    ]
    return sorted(made, key=lambda row: ("small", "many", "auth", "session").index(row.group))


def _of(era: Era) -> list[Row]:
    bare = (*EVERYBODY, "starlette")
    guarded = with_headers(call("add", era, a=1, b=2), Authorization=f"Bearer {TOKEN}")
    steps = request("tools/call", era, name="steps", arguments={}, _meta={"progressToken": 7})
    read = request("resources/read", era, uri="bench://text")
    greet = request("prompts/get", era, name="greet", arguments={"name": "Ada"})
    threaded = call("add_in_a_thread", era, a=1, b=2)
    rows = [
        Row("call, small", call("add", era, a=1, b=2), "small", bare),
        Row("call, small, not async", threaded, "small", EVERYBODY[:3]),
        Row("call, 100 KB", call("large", era), "small", EVERYBODY),
        Row("call with progress", steps, "small", EVERYBODY),
        Row("resources/read", read, "small", EVERYBODY),
        Row("prompts/get", greet, "small", EVERYBODY),
        Row("tools/list, 100 tools", request("tools/list", era), "many", EVERYBODY),
        Row("call, small, auth on", guarded, "auth", EVERYBODY[:3]),
    ]
    return [Row(f"{row.name} ({era})", row.made, row.group, row.to) for row in rows]
