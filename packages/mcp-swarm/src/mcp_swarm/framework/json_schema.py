"""A quick check of JSON values against a JSON Schema, compiled for pydantic's validator.

The compiled check is strict. A value that it accepts conforms. A value that it rejects may still
conform (1.0 is an integer in JSON Schema), so a full validator decides. A schema with an unsupported
keyword has no quick check.
"""

from collections.abc import Callable
from typing import Any

from pydantic_core import CoreSchema, SchemaValidator, core_schema

# Keywords that do not affect validation (2020-12: meta-data, and `format`, which is an annotation
# unless a validator is configured otherwise).
_SILENT = {
    *("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"),
    *("format", "contentMediaType", "contentEncoding", "$schema", "$comment", "$defs"),
}
_REFERENCE = "#/$defs/"
_LENGTHS = {"minLength": "min_length", "maxLength": "max_length"}
_ITEMS = {"minItems": "min_length", "maxItems": "max_length"}
_BOUNDS = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}


class _NotCompiled(Exception):
    """The schema has a part without a quick check."""


def quick_check(schema: dict[str, Any]) -> Callable[[Any], bool] | None:
    """Returns a check whether a value surely conforms to `schema`; None if there is no quick one."""
    try:
        definitions = [
            {**_compiled(part), "ref": _REFERENCE + name}
            for name, part in schema.get("$defs", {}).items()
        ]
        compiled = _compiled(schema)
        return SchemaValidator(
            core_schema.definitions_schema(compiled, definitions)  # type: ignore[arg-type]
        ).isinstance_python
    except Exception:  # also what pydantic does not take: the full validator judges alone
        return None


def _compiled(schema: Any) -> CoreSchema:
    if schema is True:
        return core_schema.any_schema()
    if not isinstance(schema, dict):
        raise _NotCompiled
    rules = {
        name: rule
        for name, rule in schema.items()
        if name not in _SILENT and not name.startswith("x-")
    }
    if not rules:
        return core_schema.any_schema()
    for name, compile_it in (("$ref", _reference), ("anyOf", _any_of), ("enum", _enum)):
        if name in rules:
            return compile_it(rules)
    if "const" in rules:
        return _enum({**_without(rules, "const"), "enum": [rules["const"]]})
    kind = rules.pop("type", "object" if "properties" in rules else None)
    if isinstance(kind, list):
        if rules:
            raise _NotCompiled
        return core_schema.union_schema([_compiled({"type": one}) for one in kind])
    if kind not in _TYPES:
        raise _NotCompiled
    return _TYPES[kind](rules)


def _reference(rules: dict[str, Any]) -> CoreSchema:
    if len(rules) > 1 or not rules["$ref"].startswith(_REFERENCE):
        raise _NotCompiled
    return core_schema.definition_reference_schema(rules["$ref"])


def _any_of(rules: dict[str, Any]) -> CoreSchema:
    if len(rules) > 1:
        raise _NotCompiled
    choices: list[Any] = [_compiled(one) for one in rules["anyOf"]]
    return core_schema.union_schema(choices, mode="left_to_right")


def _enum(rules: dict[str, Any]) -> CoreSchema:
    """Compiles an enum of strings only: JSON Schema and Python disagree on which numbers are equal."""
    values = rules.pop("enum")
    if rules.pop("type", "string") != "string" or rules:
        raise _NotCompiled
    if not all(isinstance(value, str) for value in values):
        raise _NotCompiled
    return core_schema.literal_schema(values)


def _object(rules: dict[str, Any]) -> CoreSchema:
    properties = rules.pop("properties", {})
    required = set(rules.pop("required", ()))
    more = rules.pop("additionalProperties", True)
    if rules or not required <= properties.keys():
        raise _NotCompiled
    text = core_schema.str_schema(strict=True)
    if not properties and more is not False:
        return core_schema.dict_schema(text, _compiled(more), strict=True)
    fields = {
        name: core_schema.typed_dict_field(_compiled(part), required=name in required)
        for name, part in properties.items()
    }
    if more is False:
        return core_schema.typed_dict_schema(fields, extra_behavior="forbid", strict=True)
    return core_schema.typed_dict_schema(
        fields, extra_behavior="allow", extras_schema=_compiled(more), strict=True
    )


def _array(rules: dict[str, Any]) -> CoreSchema:
    if "prefixItems" in rules:
        parts = [_compiled(part) for part in rules.pop("prefixItems")]
        if rules != {"minItems": len(parts), "maxItems": len(parts)}:
            raise _NotCompiled
        return core_schema.tuple_schema(parts, strict=False)
    items = _compiled(rules.pop("items", True))
    return core_schema.list_schema(items, strict=True, **_renamed(rules, _ITEMS))


def _string(rules: dict[str, Any]) -> CoreSchema:
    return core_schema.str_schema(strict=True, **_renamed(rules, _LENGTHS))


def _integer(rules: dict[str, Any]) -> CoreSchema:
    return core_schema.int_schema(strict=True, **_renamed(rules, _BOUNDS))


def _number(rules: dict[str, Any]) -> CoreSchema:
    bounds = _renamed(rules, _BOUNDS)
    real = core_schema.float_schema(strict=True, allow_inf_nan=False, **bounds)
    return core_schema.union_schema([core_schema.int_schema(strict=True, **bounds), real])


def _renamed(rules: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    if not rules.keys() <= names.keys():
        raise _NotCompiled
    return {names[name]: limit for name, limit in rules.items()}


def _bare(schema: CoreSchema) -> Callable[[dict[str, Any]], CoreSchema]:
    def compile_it(rules: dict[str, Any]) -> CoreSchema:
        if rules:
            raise _NotCompiled
        return schema

    return compile_it


def _without(rules: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: rule for key, rule in rules.items() if key != name}


_TYPES: dict[str, Callable[[dict[str, Any]], CoreSchema]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _bare(core_schema.bool_schema(strict=True)),
    "null": _bare(core_schema.none_schema()),
}
