"""Prompts with and without arguments, with a picture, with a resource, and one that asks."""

from fastmcp import Context
from fastmcp.prompts import Message, prompt
from mcp_types import (
    ElicitResult,
    EmbeddedResource,
    ImageContent,
    InputRequiredResult,
    TextResourceContents,
)

from lab.conformance.everything.questions import question
from lab.conformance.everything.samples import PNG_BASE64


@prompt
def test_simple_prompt() -> str:
    """A prompt without arguments."""
    return "This is a simple prompt for testing."


@prompt
def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    """A prompt with two arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


@prompt
def test_prompt_with_embedded_resource(
    resourceUri: str,  # noqa: N803 - the suite's spelling
) -> list[Message]:
    """A prompt that carries a resource."""
    contents = TextResourceContents(
        uri=resourceUri, mime_type="text/plain", text="Embedded resource content for testing."
    )
    return [
        Message(EmbeddedResource(type="resource", resource=contents)),
        Message("Please process the embedded resource above."),
    ]


@prompt
def test_prompt_with_image() -> list[Message]:
    """A prompt that carries a picture."""
    return [
        Message(ImageContent(type="image", data=PNG_BASE64, mime_type="image/png")),
        Message("Please analyze the image above."),
    ]


@prompt
def test_input_required_result_prompt(ctx: Context) -> str | InputRequiredResult:
    """A prompt that asks the user for its context first (SEP-2322)."""
    answer = (ctx.input_responses or {}).get("user_context")
    if not isinstance(answer, ElicitResult) or not answer.content:
        ask = question("What context should the prompt use?", context="string")
        return InputRequiredResult(input_requests={"user_context": ask})
    return f"Answer in this context: {answer.content['context']}"
