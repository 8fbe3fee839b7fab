"""Requests that the server sends to a client of 2025-11-25 in the middle of a call."""

import json
import warnings
from typing import Any

from fastmcp import Context
from fastmcp.tools import tool
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp_types import InputRequiredResult, SamplingMessage, TextContent

from lab.conformance.everything.questions import question

CONTACT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    },
    "required": ["username", "email"],
}

# SEP-1034: a default for every primitive type.
DEFAULTS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {
            "type": "string",
            "enum": ["active", "inactive", "pending"],
            "default": "active",
        },
        "verified": {"type": "boolean", "default": True},
    },
    "required": [],
}

_OPTIONS = ["option1", "option2", "option3"]
_TITLED = [
    {"const": "value1", "title": "First Option"},
    {"const": "value2", "title": "Second Option"},
    {"const": "value3", "title": "Third Option"},
]

# SEP-1330: the five ways to write a choice.
CHOICES: dict[str, Any] = {
    "type": "object",
    "properties": {
        "untitledSingle": {"type": "string", "enum": _OPTIONS},
        "titledSingle": {"type": "string", "oneOf": _TITLED},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": _OPTIONS}},
        "titledMulti": {"type": "array", "items": {"anyOf": _TITLED}},
    },
    "required": [],
}


async def _elicit(ctx: Context, message: str, schema: dict[str, Any]) -> str:
    answer = await ctx.session.elicit_form(message, schema, related_request_id=ctx.request_id)
    return f"action={answer.action}, content={json.dumps(answer.content or {})}"


@tool
async def test_sampling(prompt: str, ctx: Context) -> str:
    """Ask the client's model to answer the prompt."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    with warnings.catch_warnings():
        # 2026-07-28 deprecates sampling; a client of 2025-11-25 still has it.
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        answer = await ctx.session.create_message(
            [message], max_tokens=100, related_request_id=ctx.request_id
        )
    text = answer.content.text if isinstance(answer.content, TextContent) else ""
    return f"LLM response: {text}"


@tool
async def test_elicitation(message: str, ctx: Context) -> str:
    """Ask the user for a name and an address."""
    return f"User response: {await _elicit(ctx, message, CONTACT)}"


@tool
async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    """Ask with a default for every primitive type."""
    answer = await _elicit(ctx, "Please review the defaults", DEFAULTS)
    return f"Elicitation completed: {answer}"


@tool
async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    """Ask with every kind of choice."""
    return f"Elicitation completed: {await _elicit(ctx, 'Please choose', CHOICES)}"


@tool(output_schema=None)
async def test_streaming_elicitation(ctx: Context) -> str | InputRequiredResult:
    """Report progress, then ask: the stream must carry no request of the server's own."""
    await ctx.report_progress(1, 2)
    if ctx.input_responses is None:
        ask = question("Go on?", ok="boolean")
        return InputRequiredResult(input_requests={"confirm": ask})
    return "Went on"
