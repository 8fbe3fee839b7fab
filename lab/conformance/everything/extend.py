"""What neither a decorator nor an object in a module can say: completion, schemas as written."""

from typing import Any

from fastmcp import FastMCP
from fastmcp.server.middleware.dereference import DereferenceRefsMiddleware
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
    """Let the server complete arguments, which declares the capability too; keep `$ref`s.

    FastMCP writes out `$ref`s for clients that cannot follow them, unless it is told not to
    (`dereference_schemas=False`); one scenario asks for a schema with `$defs` as it was written.
    """
    mcp.add_completion_handler(_complete)
    mcp.middleware = [m for m in mcp.middleware if not isinstance(m, DereferenceRefsMiddleware)]
