"""A node of a YAML file: its value, and errors that say where it is."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml

_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_SHOWN = 60


class ScenarioError(Exception):
    """A scenario cannot be used. The message has file, line, path, value and what was expected."""


class YamlNode:
    """A node of a YAML file. `path` is its address in the file, such as `calls[0].weight`."""

    def __init__(self, file: Path, raw: yaml.Node, path: str = "") -> None:
        self._file, self.raw, self.path = file, raw, path

    @classmethod
    def of_file(cls, file: Path) -> YamlNode:
        """Returns the top node of a file. Raises ScenarioError if it is not YAML."""
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
            raise ScenarioError(f"{file}: the file is empty. Expected `calls:` and a list of calls")
        return cls(file, node)

    def fail(self, expected: str) -> NoReturn:
        """Raises ScenarioError for this node."""
        line = self.raw.start_mark.line + 1
        where = f"{self.path}: " if self.path else ""
        raise ScenarioError(f"{self._file}:{line}: {where}{self._shown()}: expected {expected}")

    @property
    def tag(self) -> str:
        """The node's tag, such as `!choice`; empty if it has none of ours."""
        return self.raw.tag if self.raw.tag.startswith("!") else ""

    @property
    def key(self) -> str:
        """A unique name of this node."""
        return f"{self._file.name}:{self.path}"

    def fields(self, known: Collection[str] = ()) -> dict[str, YamlNode]:
        """Returns the fields of a mapping. With `known`, any other field is an error."""
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
                child.fail(f"{name} only once")
            found[name] = child
        return found

    def items(self) -> list[YamlNode]:
        """Returns the items of a list."""
        if not isinstance(self.raw, yaml.SequenceNode):
            self.fail("a list")
        return [
            YamlNode(self._file, item, f"{self.path}[{number}]")
            for number, item in enumerate(self.raw.value)
        ]

    def text(self, choices: Collection[str] = ()) -> str:
        """Returns a text, which must be one of `choices` if given."""
        value = self.constant()
        if not isinstance(value, str) or not value or (choices and value not in choices):
            self.fail(f"one of {', '.join(choices)}" if choices else "a text")
        return value

    def number(self, least: float, *, whole: bool = False) -> Any:
        """Returns a number: a whole number >= `least`, or any number > `least`."""
        value = self.constant()
        kinds: Any = int if whole else (int, float)
        right = isinstance(value, kinds) and not isinstance(value, bool)
        if not right or (value < least if whole else not least < value < float("inf")):
            kind = f"a whole number, {least:g} or more" if whole else f"a number above {least:g}"
            self.fail(kind)
        return value

    def flag(self) -> bool:
        """Returns true or false."""
        value = self.constant()
        if not isinstance(value, bool):
            self.fail("true or false")
        return value

    def span(self) -> tuple[int, int]:
        """Returns both ends of a range such as `1..20`, or one number as both."""
        low, dots, high = str(getattr(self.raw, "value", "")).partition("..")
        try:
            ends = int(low), int(high if dots else low)
        except ValueError:
            self.fail("a range of whole numbers, such as 1..20")
        if ends[0] > ends[1]:
            self.fail("a range from the lower to the higher number, such as 1..20")
        return ends

    def constant(self) -> Any:
        """Returns the value as JSON. Tags are ignored, and a date stays text."""
        return _constant(self.raw)

    def sibling_path(self, name: str) -> Path:
        """Returns a path relative to this file's folder."""
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
