"""Every kind of content a tool can return, and an error."""

from fastmcp.exceptions import ToolError
from fastmcp.tools import tool
from mcp_types import (
    AudioContent,
    EmbeddedResource,
    ImageContent,
    TextContent,
    TextResourceContents,
)

from lab.conformance.everything.samples import PNG_BASE64, WAV_BASE64


def _picture() -> ImageContent:
    return ImageContent(type="image", data=PNG_BASE64, mime_type="image/png")


def _resource(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    contents = TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return EmbeddedResource(type="resource", resource=contents)


@tool
def test_simple_text() -> str:
    """Return one line of text."""
    return "This is a simple text response for testing."


@tool
def test_image_content() -> list[ImageContent]:
    """Return a picture."""
    return [_picture()]


@tool
def test_audio_content() -> list[AudioContent]:
    """Return a sound."""
    return [AudioContent(type="audio", data=WAV_BASE64, mime_type="audio/wav")]


@tool
def test_embedded_resource() -> list[EmbeddedResource]:
    """Return a resource inside the result."""
    text = "This is an embedded resource content."
    return [_resource("test://embedded-resource", "text/plain", text)]


@tool
def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
    """Return text, a picture and a resource in one result."""
    return [
        TextContent(type="text", text="Multiple content types test:"),
        _picture(),
        _resource(
            "test://mixed-content-resource", "application/json", '{"test":"data","value":123}'
        ),
    ]


@tool
def test_error_handling() -> str:
    """Always fail, with a message for the client."""
    raise ToolError("This tool intentionally returns an error for testing")
