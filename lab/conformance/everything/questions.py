"""One question to the user as an elicitation request."""

from mcp_types import ElicitRequest, ElicitRequestFormParams


def question(message: str, **fields: str) -> ElicitRequest:
    """A form with one required field for each `name="JSON type"`."""
    schema = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in fields.items()},
        "required": list(fields),
    }
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))
