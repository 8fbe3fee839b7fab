"""A tool whose input schema has to reach the client to the letter."""

from typing import Any

from fastmcp.tools import Tool

# SEP-1613 and SEP-2106: every keyword has to reach the client as it stands here.
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def _show(name: str = "", phone: str = "", email: str = "") -> str:
    """Show JSON Schema 2020-12 as it was written."""
    return f"{name} {phone or email}".strip()


# No decorator takes a schema that was written by hand; discovery serves Tool objects too.
json_schema_2020_12_tool = Tool.from_function(_show, name="json_schema_2020_12_tool").model_copy(
    update={"parameters": SCHEMA}
)
