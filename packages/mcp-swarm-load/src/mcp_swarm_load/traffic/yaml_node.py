"""A child in a YAML file: its value, and errors that say where it is."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml

_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_SHOWN = 60


class ScenarioError(Exception):
    """A scenario cannot be used: file, line, path, value, and what was expected there."""


class YamlNode:
    """A node of a YAML file. `path` is how one would write it: `calls[0].weight`."""

    def __init__(self, file: Path, raw: yaml.Node, path: str = "") -> None:
        self._file, self.raw, self.path = file, raw, path

    @classmethod
    def of_file(cls, file: Path) -> YamlNode:
        """The whole of a file. Raises ScenarioError where there is no YAML to be read."""
        try:
            node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except OSError as error:
            raise ScenarioError(f"{file}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ScenarioError(f"{file}: not text in UTF-8") from None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ScenarioError(f"{file}:{line}: not YAML: {error.problem}") from None
        if node is None:
            raise ScenarioError(f"{file}: it is empty. Expected `calls:` and a list of calls")
        return cls(file, node)

    def fail(self, expected: str) -> NoReturn:
        """Raise ScenarioError for this child."""
        line = self.raw.start_mark.line + 1
        where = f"{self.path}: " if self.path else ""
        raise ScenarioError(f"{self._file}:{line}: {where}{self._shown()}: expected {expected}")

    @property
    def tag(self) -> str:
        """`!choice` and the like; empty if the value has none of ours."""
        return self.raw.tag if self.raw.tag.startswith("!") else ""

    @property
    def key(self) -> str:
        """A name for this child that no other has."""
        return f"{self._file.name}:{self.path}"

    def fields(self, known: Collection[str] = ()) -> dict[str, YamlNode]:
        """The fields of a mapping; with `known` no others may be there."""
        if not isinstance(self.raw, yaml.MappingNode):
            self.fail(f"a mapping with {', '.join(known)}" if known else "a mapping")
        found: dict[str, YamlNode] = {}
        for key, value in self.raw.value:
            name = str(key.value)
            child = YamlNode(self._file, value, f"{self.path}.{name}".lstrip("."))
            if known and name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                child.raw = key
                child.fail(f"one of {', '.join(known)}{hint}")
            if name in found:
                child.fail(f"{name} once, not twice")
            found[name] = child
        return found

    def items(self) -> list[YamlNode]:
        """The items of a list."""
        if not isinstance(self.raw, yaml.SequenceNode):
            self.fail("a list")
        return [
            YamlNode(self._file, item, f"{self.path}[{number}]")
            for number, item in enumerate(self.raw.value)
        ]

    def text(self, choices: Collection[str] = ()) -> str:
        """A text, one of `choices` if there are any."""
        value = self.constant()
        if not isinstance(value, str) or not value or (choices and value not in choices):
            self.fail(f"one of {', '.join(choices)}" if choices else "a text")
        return value

    def number(self, least: float, *, whole: bool = False) -> Any:
        """A number, at least so large (above it, where it need not be whole)."""
        value = self.constant()
        kinds: Any = int if whole else (int, float)
        right = isinstance(value, kinds) and not isinstance(value, bool)
        if not right or (value < least if whole else not least < value < float("inf")):
            kind = f"a whole number, {least:g} or more" if whole else f"a number above {least:g}"
            self.fail(kind)
        return value

    def flag(self) -> bool:
        """True or false."""
        value = self.constant()
        if not isinstance(value, bool):
            self.fail("true or false")
        return value

    def span(self) -> tuple[int, int]:
        """`1..20` as both of its ends, or one number for both."""
        low, dots, high = str(getattr(self.raw, "value", "")).partition("..")
        try:
            ends = int(low), int(high if dots else low)
        except ValueError:
            self.fail("a span of whole numbers, as in 1..20")
        if ends[0] > ends[1]:
            self.fail("a span from the lower to the higher, as in 1..20")
        return ends

    def constant(self) -> Any:
        """The value as JSON has it: constants only. A date stays the text that it is written as."""
        return _constant(self.raw)

    def sibling_path(self, name: str) -> Path:
        """A file's path that is meant from this file's folder."""
        return self._file.parent / name

    def __iter__(self) -> Iterator[YamlNode]:
        return iter(self.items())

    def _shown(self) -> str:
        if isinstance(self.raw, yaml.ScalarNode):
            text = f"{self.tag} {self.raw.value}".strip()
            return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
        return "a list" if isinstance(self.raw, yaml.SequenceNode) else "a mapping"


def _constant(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {str(_constant(key)): _constant(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_constant(item) for item in node.value]
    assert isinstance(node, yaml.ScalarNode)
    if node.tag == _TIMESTAMP or node.tag.startswith("!"):
        return node.value
    return yaml.SafeLoader("").construct_object(node)
