"""Makes arguments from a tool's input schema: its examples, else minimal valid values."""

from __future__ import annotations

from typing import Any

_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "127.0.0.1",
    "hostname": "example.com",
}
_DEPTH = 20


def arguments_for(schema: dict[str, Any]) -> dict[str, Any]:
    """Returns the required arguments of an input schema, each with a valid value."""
    return dict(_Maker(schema).required_of(schema, _DEPTH))


class _Maker:
    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root

    def required_of(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        return {
            name: self.value(properties.get(name, {}), name, depth - 1)
            for name in schema.get("required", [])
        }

    def value(self, schema: Any, name: str, depth: int) -> Any:
        """Returns the schema's example, choice or default, else a minimal value of its type."""
        if not isinstance(schema, dict) or depth < 0:
            return name
        if "$ref" in schema:
            return self.value(self._referred(schema["$ref"]), name, depth - 1)
        for key in ("examples", "enum"):
            if isinstance(schema.get(key), list) and schema[key]:
                return schema[key][0]
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        for key in ("anyOf", "oneOf", "allOf"):
            for choice in schema.get(key, []):
                if isinstance(choice, dict) and choice.get("type") != "null":
                    return self.value(choice, name, depth - 1)
        kind = schema.get("type", "string")
        kind = (
            next((each for each in kind if each != "null"), "null")
            if isinstance(kind, list)
            else kind
        )
        return self._of_type(kind, schema, name, depth)

    def _of_type(self, kind: str, schema: dict[str, Any], name: str, depth: int) -> Any:
        match kind:
            case "integer":
                return int(_least(schema, 1))
            case "number":
                return _least(schema, 0.5)
            case "boolean":
                return False
            case "null":
                return None
            case "array":
                count = int(schema.get("minItems", 0))
                return [self.value(schema.get("items", {}), name, depth - 1) for _ in range(count)]
            case "object":
                return self.required_of(schema, depth)
        word = str(_FORMATS.get(schema.get("format", ""), name or "x"))
        word = word.ljust(int(schema.get("minLength", 0)), "x")
        return word[: schema.get("maxLength", len(word))]

    def _referred(self, reference: str) -> Any:
        """Returns the target of a local `#/...` reference; an empty schema if there is none."""
        found: Any = self._root
        for part in reference.removeprefix("#/").split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            found = found.get(key, {}) if isinstance(found, dict) else {}
        return found


def _least(schema: dict[str, Any], above: float) -> float:
    """Returns the smallest number that a schema allows; 1 if it sets no lower bound and allows 1."""
    low = schema.get("minimum")
    if low is None and "exclusiveMinimum" in schema:
        low = schema["exclusiveMinimum"] + above
    if low is None:
        low = min(1, schema.get("maximum", 1))
    step = schema.get("multipleOf")
    return float(-(-low // step) * step if step else low)
