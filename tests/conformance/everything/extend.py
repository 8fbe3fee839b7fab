"""The one fixture that neither a decorator nor an object in a module can say: completion."""

from typing import Any

from fastmcp import FastMCP
from mcp_types import (
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)


def _complete(
    ref: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
    context: CompletionContext | None,
) -> list[str]:
    del ref, context
    return [word for word in ("test", "testing", "tested") if word.startswith(argument.value)]


def extend(mcp: FastMCP[Any]) -> None:
    """Let the server complete arguments, which declares the capability too."""
    mcp.add_completion_handler(_complete)
