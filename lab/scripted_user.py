"""A person behind an official client: answers what is asked, and remembers it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import mcp_types as types
from fastmcp import Client as FastMCPClient
from fastmcp.client.elicitation import ElicitResult
from mcp.client import Client as OfficialClient

from lab.mcp_wire import Era

Kind = Literal["official", "fastmcp"]
KINDS: tuple[Kind, ...] = ("official", "fastmcp")


@dataclass
class Person:
    """Answers by the first words of a question: `{"Which size": {"width": 3}}`.

    A text in the place of the answer is the action: ``decline``, ``cancel``.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, message: str) -> tuple[str, Any]:
        self.asked.append(message)
        found = next(a for begins, a in self.answers.items() if message.startswith(begins))
        return (found, None) if isinstance(found, str) else ("accept", found)

    @asynccontextmanager
    async def calls(self, url: str, era: Era, kind: Kind = "official") -> AsyncIterator[Any]:
        """``await call(tool, **arguments)``: the text of the result, through a client of theirs."""
        mode = "auto" if era == "modern" else "legacy"
        client = self._official(url, mode) if kind == "official" else self._fastmcp(url, mode)
        async with client:

            async def call(tool: str, **arguments: Any) -> str:
                options = {} if kind == "official" else {"raise_on_error": False}
                result = await client.call_tool(tool, arguments, **options)
                assert client.protocol_version == types_version(era)
                return str(result.content[0].text)

            call.client = client
            yield call

    def _official(self, url: str, mode: Any) -> Any:
        async def elicited(context: Any, params: Any) -> types.ElicitResult:
            action, content = self.answer(params.message)
            return types.ElicitResult(action=action, content=content)

        async def sampled(context: Any, params: Any) -> types.CreateMessageResult:
            return reply(params.messages[0].content.text)

        async def rooted(context: Any) -> types.ListRootsResult:
            return types.ListRootsResult(roots=[types.Root(uri="file:///home")])

        return OfficialClient(
            url,
            mode=mode,
            elicitation_callback=elicited,
            sampling_callback=sampled,
            list_roots_callback=rooted,
            cache=None,
        )

    def _fastmcp(self, url: str, mode: Any) -> Any:
        async def elicited(message: str, kind: Any, params: Any, context: Any) -> Any:
            action, content = self.answer(message)
            return ElicitResult(action=action, content=content)

        async def sampled(messages: Any, params: Any, context: Any) -> types.CreateMessageResult:
            return reply(messages[0].content.text)

        return FastMCPClient(
            url,
            mode=mode,
            elicitation_handler=elicited,
            sampling_handler=sampled,
            roots=["file:///home"],
        )


def types_version(era: Era) -> str:
    return {"modern": "2026-07-28", "legacy": "2025-11-25"}[era]


def reply(prompt: str) -> types.CreateMessageResult:
    """What the client's model says to `prompt`."""
    text = types.TextContent(type="text", text=prompt.upper())
    return types.CreateMessageResult(role="assistant", content=text, model="loud")
