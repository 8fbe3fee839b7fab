"""Reads scenario files: callers, calls, weights, arguments and expectations.

A value is a constant, or a tag draws it for each call: `!choice [a, b]`, `!integer 1..20`,
`!text 5..40`, `!uuid`, `!sequence 1`, `!join [order-, !sequence 1]`, `!json {…}` (as JSON text).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from mcp_swarm_load.plan import EraChoice
from mcp_swarm_load.schedule import Pause
from mcp_swarm_load.traffic.calls import Era, Features
from mcp_swarm_load.traffic.expect import Argument, Expect, parse_path
from mcp_swarm_load.traffic.mix import Kind
from mcp_swarm_load.traffic.values import (
    Choice,
    Constant,
    Counter,
    Fields,
    Integer,
    Items,
    Joined,
    Json,
    Text,
    Uuid,
    Value,
    fold_constant,
)
from mcp_swarm_load.traffic.yaml_node import ScenarioError, YamlNode

SHIPPED = Path(__file__).parent / "scenarios"

_TOP = ("about", "calls", "callers", "rate", "burst", "think", "era", "sessions", "tokens")
_CALL = ("tool", "method", "weight", "arguments", "params", "expect", "era")
_FEATURES = ("progress", "answers", "tasks")
_TESTS = ("equals", "contains", "error", "may_fail")
_METHODS = (
    *("tools/list", "resources/list", "resources/templates/list", "resources/read"),
    *("prompts/list", "prompts/get", "server/discover", "ping"),
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """The content of a scenario file. None means unset; options may then set it."""

    kinds: tuple[Kind, ...]
    callers: int | None = None
    rate: float | None = None
    burst: tuple[int, int] | None = None
    think: Pause | None = None
    era: EraChoice | None = None
    sessions: int | None = None
    tokens: Path | None = None


def shipped() -> list[str]:
    """Returns the names of the scenarios in this package."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def read(name: str) -> Scenario:
    """Reads a scenario file, or the shipped scenario of this name. Raises ScenarioError."""
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = SHIPPED / f"{name}.yaml"
        if not path.is_file():
            raise ScenarioError(
                f"{name}: no such scenario. Expected a .yaml file or one of {', '.join(shipped())}"
            )
    top = YamlNode.of_file(path)
    fields = top.fields(_TOP)
    if "calls" not in fields:
        top.fail("`calls`, a list of calls")
    calls = fields["calls"].items()
    if not calls:
        fields["calls"].fail("at least one call")
    both = [name for name in ("callers", "rate") if name in fields]
    if len(both) > 1:
        fields["rate"].fail("callers (a closed loop) or rate (an open loop), not both")
    if "burst" in fields and "rate" not in fields:
        fields["burst"].fail("rate as well, the mean calls per second")
    given: dict[str, Any] = {name: _READ[name](fields[name]) for name in _READ if name in fields}
    return Scenario(tuple(_kind(call) for call in calls), **given)


def _burst(node: YamlNode) -> tuple[int, int]:
    low, high = node.span()
    if low < 1:
        node.fail("1 or more calls per burst, such as 10..50")
    return low, high


def _pause(node: YamlNode) -> Pause:
    if isinstance(node.constant(), dict):
        fields = node.fields(("exponential",))
        if "exponential" not in fields:
            node.fail("seconds, or {exponential: seconds}")
        return Pause(fields["exponential"].number(0), "exponential")
    return Pause(node.number(0))


def _tokens(node: YamlNode) -> Path:
    return node.sibling_path(node.text())


_READ: dict[str, Any] = {
    "callers": lambda node: node.number(1, whole=True),
    "rate": lambda node: node.number(0),
    "burst": _burst,
    "think": _pause,
    "era": lambda node: node.text(("modern", "legacy", "both")),
    "sessions": lambda node: node.number(1, whole=True),
    "tokens": _tokens,
}


def _kind(call: YamlNode) -> Kind:
    fields = call.fields(_CALL + _FEATURES)
    if ("tool" in fields) == ("method" in fields):
        call.fail("either tool or method")
    options: dict[str, Any] = {
        "weight": fields["weight"].number(0) if "weight" in fields else 1.0,
        "era": cast("Era", fields["era"].text(("modern", "legacy"))) if "era" in fields else None,
        "features": _features(fields),
        "expect": tuple(_expect(each) for each in fields["expect"]) if "expect" in fields else (),
    }
    if "tool" in fields:
        if "params" in fields:
            fields["params"].fail("arguments, because this calls a tool")
        arguments = value(fields["arguments"]) if "arguments" in fields else None
        if "arguments" in fields:
            fields["arguments"].fields()
        return Kind.of_tool(fields["tool"].text(), arguments, **options)
    if "arguments" in fields:
        fields["arguments"].fail("params, because this calls a method")
    if "params" in fields:
        fields["params"].fields()
    params = value(fields["params"]) if "params" in fields else Constant({})
    return Kind(fields["method"].text(_METHODS), params, **options)


def _features(fields: dict[str, YamlNode]) -> Features:
    answers = None
    if "answers" in fields:
        given = fields["answers"].constant()
        if given is not True and not isinstance(given, dict):
            fields["answers"].fail(
                "true, or a mapping from the name of an input request to its answer"
            )
        answers = {} if given is True else given
    return Features(
        progress="progress" in fields and fields["progress"].flag(),
        answers=answers,
        tasks="tasks" in fields and fields["tasks"].flag(),
    )


def _expect(node: YamlNode) -> Expect:
    fields = node.fields(("at", *_TESTS))
    tests = [name for name in _TESTS if name in fields]
    if len(tests) != 1:
        node.fail(f"one of {', '.join(_TESTS)}")
    at = ""
    if "at" in fields:
        at = fields["at"].text()
        try:
            parse_path(at)
        except ValueError:
            fields["at"].fail("a path such as structuredContent.regions[0].region")
    wanted = fields[tests[0]]
    if wanted.tag == "!argument":
        return Expect(cast("Any", tests[0]), Argument(wanted.constant()), at)
    if wanted.tag:
        wanted.fail("a constant, or !argument NAME")
    if (
        tests[0] == "error"
        and wanted.constant() is not True
        and not isinstance(wanted.constant(), str)
    ):
        wanted.fail("true, or a text in the error")
    if tests[0] == "may_fail":
        wanted.text()
    if tests[0] == "equals" and not at:
        node.fail("`at` as well, the path of the value")
    return Expect(cast("Any", tests[0]), wanted.constant(), at)


def value(node: YamlNode) -> Value:
    """Returns the value that a node describes. Without a tag it is constant."""
    match node.tag:
        case "":
            return _untagged(node)
        case "!choice":
            values = tuple(value(item) for item in node.items())
            return Choice(values) if values else node.fail("at least one value")
        case "!integer":
            return Integer(*node.span())
        case "!text":
            low, high = node.span()
            return Text(low, high) if low >= 0 else node.fail("0 or more characters")
        case "!uuid":
            return Uuid()
        case "!sequence":
            start = node.span()[0] if node.constant() else 1
            return Counter(node.key, start)
        case "!join":
            return fold_constant(Joined(tuple(value(item) for item in node.items())))
        case "!json":
            return fold_constant(Json(_untagged(node)))
    return node.fail("!choice, !integer, !text, !uuid, !sequence, !join, !json, or a constant")


def _untagged(node: YamlNode) -> Value:
    kind = node.raw.id  # type: ignore[attr-defined]  # of yaml's own nodes
    if kind == "mapping":
        return fold_constant(Fields(tuple((name, value(at)) for name, at in node.fields().items())))
    if kind == "sequence":
        return fold_constant(Items(tuple(value(item) for item in node.items())))
    return Constant(node.constant())
