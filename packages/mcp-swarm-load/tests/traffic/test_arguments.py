"""Arguments made from a schema are valid, as a separate validator finds."""

import jsonschema
import pytest

from mcp_swarm_load.traffic.arguments import arguments_for

SCHEMAS = [
    {"type": "string"},
    {"type": "string", "minLength": 12},
    {"type": "string", "maxLength": 2},
    {"type": "string", "format": "date"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "email"},
    {"type": "string", "enum": ["north", "south"]},
    {"type": "string", "pattern": "^[0-9]+$", "examples": ["42"]},
    {"const": 5},
    {"type": "integer"},
    {"type": "integer", "minimum": 10},
    {"type": "integer", "exclusiveMinimum": 0, "maximum": 1},
    {"type": "integer", "maximum": -3},
    {"type": "integer", "minimum": 7, "multipleOf": 5},
    {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    {"type": "number", "default": 0.25},
    {"type": "boolean"},
    {"type": "null"},
    {"type": ["null", "integer"]},
    {"type": "array", "items": {"type": "integer"}, "minItems": 2},
    {"type": "array"},
    {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
    {"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 4}]},
    {"allOf": [{"$ref": "#/$defs/point"}]},
    {"$ref": "#/$defs/point"},
    {},
    True,
]
DEFS = {
    "point": {
        "type": "object",
        "properties": {"x": {"type": "number"}, "in": {"$ref": "#/$defs/unit"}},
        "required": ["x", "in"],
    },
    "unit": {"enum": ["cm", "in"]},
}


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_a_required_argument_fits_its_schema(schema):
    whole = {
        "type": "object",
        "properties": {"given": schema, "optional": {"type": "integer"}},
        "required": ["given"],
        "additionalProperties": False,
        "$defs": DEFS,
    }
    made = arguments_for(whole)

    jsonschema.validate(made, whole, format_checker=jsonschema.FormatChecker())
    assert made.keys() == {"given"}


def test_a_recursive_schema_ends():
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}, "required": ["next"]}

    assert "next" in arguments_for({**node, "$defs": {"n": node}})


def test_a_tool_without_arguments_gets_none():
    assert arguments_for({}) == {}
    assert arguments_for({"type": "object", "properties": {"a": {"type": "string"}}}) == {}
