"""Expectations of a scenario, so that a wrong result counts as a failure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from mcp_swarm_load.traffic.answers import all_text, excerpt, tool_text

JsonPath = tuple[str | int, ...]

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
_MISSING = object()


@cache
def parse_path(text: str) -> JsonPath:
    """Returns the steps of a path such as `structuredContent.regions[0].region`.

    Raises ValueError if the text is no path.
    """
    steps: list[str | int] = []
    at = 0
    for found in _STEP.finditer(text):
        if found.start() != at:
            break
        steps.append(int(found[2]) if found[2] is not None else found[1])
        at = found.end()
    if not steps or at != len(text):
        raise ValueError(text)
    return tuple(steps)


@dataclass(frozen=True, slots=True)
class Argument:
    """Refers to the value that the call sent for an argument."""

    name: str


@dataclass(frozen=True, slots=True)
class Expect:
    """One expectation. Without `at` it applies to the texts of the answer."""

    test: Literal["equals", "contains", "error", "may_fail"]
    wanted: Any
    at: str = ""

    @property
    def is_error(self) -> bool:
        """Whether it expects or allows an error."""
        return self.test in ("error", "may_fail")

    def excuses(self, result: dict[str, Any]) -> bool:
        """Returns whether a result is an error that `may_fail` allows."""
        return (
            self.test == "may_fail"
            and bool(result.get("isError"))
            and str(self.wanted) in all_text(result)
        )

    def wrong(self, result: dict[str, Any], arguments: Mapping[str, Any]) -> str:
        """Returns what is wrong with a result, in one line; empty if nothing is."""
        wanted = self.wanted
        if isinstance(wanted, Argument):
            wanted = arguments.get(wanted.name)
        if self.test == "may_fail":
            return f"tool error: {tool_text(result)}" if result.get("isError") else ""
        if self.test == "error":
            if not result.get("isError"):
                return f"expected an error, got: {tool_text(result)}"
            holds = wanted is True or str(wanted) in all_text(result)
            return "" if holds else f"unexpected error: {tool_text(result)}"
        seen = _found(result, parse_path(self.at)) if self.at else _whole_text(result)
        if seen is _MISSING:
            return f"wrong result: nothing at {self.at}"
        if seen == wanted if self.test == "equals" else _contains(seen, wanted):
            return ""
        where = f" at {self.at}" if self.at else ""
        return f"wrong result{where}: {_shown(seen)}, expected {self.test} {_shown(wanted)}"


def _found(value: Any, path: JsonPath) -> Any:
    for step in path:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return _MISSING
        elif not isinstance(value, dict) or step not in value:
            return _MISSING
        value = value[step]
    return value


def _whole_text(result: dict[str, Any]) -> str:
    return all_text(result) if "content" in result else json.dumps(result, ensure_ascii=False)


def _contains(seen: Any, wanted: Any) -> bool:
    if isinstance(seen, str):
        return str(wanted) in seen
    return isinstance(seen, list | dict) and wanted in seen


def _shown(value: Any) -> str:
    return excerpt(json.dumps(value, ensure_ascii=False).encode())[:60]
