"""Turns everything that a component raises into an error of its own call."""

from typing import Any

from fastmcp.exceptions import PromptError
from fastmcp.server.middleware import CallNext, MiddlewareContext
from mcp.server.context import CallNext as SdkCallNext
from mcp.server.context import HandlerResult, ServerRequestContext

from mcp_swarm.framework.components import ComponentMiddleware, Kind
from mcp_swarm.framework.objects import NotJsonError
from mcp_swarm.isolation import contained, escapes, is_cancelled


class IsolationMiddleware(ComponentMiddleware):
    """Wraps tools, resources and prompts, with their dependencies and inner middleware."""

    async def on_component(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any], kind: Kind
    ) -> Any:
        try:
            return await call_next(context)
        except NotJsonError as error:
            raise kind.error(
                f"The result of {kind.noun.lower()} {kind.name_in(context)!r} {error}"
            ) from error
        except PromptError as error:
            raise _masked(error, kind.name_in(context)) from error.__cause__
        except BaseException as error:
            if not escapes(error):
                raise
            raise kind.failure(context, error) from error


def _masked(error: PromptError, name: str) -> PromptError:
    """Returns `error` without the text of its cause, which FastMCP appends despite masking."""
    what = f"Error rendering prompt {name!r}"
    return PromptError(what) if str(error) == f"{what}: {error.__cause__}" else error


async def isolate(ctx: ServerRequestContext[Any, Any], call_next: SdkCallNext) -> HandlerResult:
    """SDK middleware, the outermost: does the same for lists and permission checks."""
    try:
        return await call_next(ctx)
    except Exception:
        raise
    except BaseException as error:
        if is_cancelled(error):
            raise
        raise contained(error, ctx.method) from error
