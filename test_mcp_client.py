#!/usr/bin/env python3
"""Does it work? Checks an MCP server with the official SDK's client, in both protocol versions.

    python test_mcp_client.py
    python test_mcp_client.py --url https://mcp.example.com/mcp --token @token.txt --era modern

One line a check: ✓ right, ✗ wrong (with what was seen), - left out, with the reason. It calls only
tools marked `readOnlyHint`, with arguments made from their schema, or the one in --tool.
Exit codes: 0 all right, 1 a check failed, 2 usage, 3 target not reachable.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import mcp_types as types
from mcp import MCPError
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_swarm_load.check.access import Access, http_client
from mcp_swarm_load.check.findings import Findings, NotOfferedError, WrongError, explain, need
from mcp_swarm_load.check.wire import Wire
from mcp_swarm_load.cli import access_options
from mcp_swarm_load.cli.option_types import json_object
from mcp_swarm_load.traffic.arguments import arguments_for
from mcp_swarm_load.traffic.calls import VERSIONS, Era

TRIED = 8
"""Tools, or prompts, that are tried before "none can be called"."""
PAGES_READ = 100
FAULT = "Error calling tool"  # FastMCP's words for an exception; a rejection has the tool's own
MADE_UP = "no tool takes values made up for it; name one with --tool and --args"
INSIDE = ("Traceback (most recent", "site-packages", 'File "/', "sqlalche.me")
"""What an error must never show a client."""

PASSED, FAILED, UNREACHABLE = 0, 1, 3


class Conversation:
    """What the SDK's client and one server have to say to each other in one protocol era."""

    def __init__(self, era: Era, options: argparse.Namespace, findings: Findings) -> None:
        self.era, self.options, self.findings = era, options, findings
        self.access = Access.of(options)
        self.url = self.access.url
        self.check = findings.check
        self.replicas: set[str] = set()
        self.errors: list[str] = []
        self.asked: list[str] = []
        self.called: str | None = None
        self.connected = False
        self.status = 0

    async def hold(self) -> None:
        """All checks, in the order in which a client would meet them."""
        print(f"{self.era} · protocol {VERSIONS[self.era]} · {self.url}")
        async with http_client(self.access, self.note) as http:
            try:
                async with self.client(http) as client:
                    self.connected = True
                    await self.check("connect", self.identity(client))
                    await self.through(client)
            except Exception as error:  # whatever keeps a client out is a finding
                if not self.connected:
                    seen = f"{explain(error)} (HTTP {self.status}{self.hint()})"
                    self.findings.fail("connect", seen)
                    return
                self.findings.fail("stay connected", explain(error))
            wire = Wire(http, self.access, self.era)
            for name, work in wire.checks():
                await self.check(name, work())
            self.errors += wire.errors
        await self.check("errors show nothing inside", self.masked())
        if self.replicas:
            print(f"    answered by {', '.join(sorted(self.replicas))}")

    async def note(self, response: httpx2.Response) -> None:
        """Keep the last status, and the names of the replicas that answered."""
        self.status = response.status_code
        self.replicas |= set(response.headers.get_list("x-served-by"))

    @asynccontextmanager
    async def client(self, http: httpx2.AsyncClient) -> AsyncIterator[Client]:
        """The SDK's client, connected as this era does; it accepts every form it is shown."""

        async def answer(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
            del context  # the SDK passes it by name
            self.asked.append(params.message)
            content = arguments_for(getattr(params, "requested_schema", None) or {})
            return types.ElicitResult(action="accept", content=content)

        transport = streamable_http_client(self.url, http_client=http)
        mode = "auto" if self.era == "modern" else "legacy"
        async with Client(transport, mode=mode, elicitation_callback=answer, cache=None) as client:
            yield client

    def hint(self) -> str:
        """What to do about the HTTP status that kept the client out."""
        return {401: ": give --token", 404: ": is the path in --url right?"}.get(self.status, "")

    async def identity(self, client: Client) -> str:
        """The era asked for was agreed on, and the server says who it is."""
        need(client.protocol_version == VERSIONS[self.era], f"agreed on {client.protocol_version}")
        info = client.server_info
        return f"{info.name} {info.version}" if info else "(server without a name)"

    async def through(self, client: Client) -> None:
        """What the SDK's client can ask for."""
        can = client.server_capabilities
        tools = await self.listed("tools", can.tools, client.list_tools)
        resources = await self.listed("resources", can.resources, client.list_resources)
        await self.listed("resource_templates", can.resources, client.list_resource_templates)
        prompts = await self.listed("prompts", can.prompts, client.list_prompts)
        await self.check("call a tool", self.call_a_tool(client, tools))
        await self.check("refuse wrong arguments", self.refuse_arguments(client, tools))
        nothing = client.call_tool("no_such_tool", {})
        await self.check("refuse an unknown tool", self.refused(nothing))
        await self.check("answer a question", self.question(client, tools))
        await self.check("read a resource", self.read(client, resources))
        nowhere = client.read_resource("none://here")
        await self.check("refuse an unknown resource", self.refused(nowhere))
        await self.check("get a prompt", self.prompt(client, prompts))
        unsaid = client.get_prompt("no_such_prompt")
        await self.check("refuse an unknown prompt", self.refused(unsaid))
        if self.era == "modern":
            await self.check("listen for changes", self.listen(client))

    async def listed(
        self, kind: str, offered: object, ask: Callable[..., Awaitable[Any]]
    ) -> list[Any]:
        """Check one listing, all its pages, and return what it holds."""
        found: list[Any] = []

        async def work() -> str:
            if offered is None:
                raise NotOfferedError("not among the server's capabilities")
            cursor = None
            for _ in range(PAGES_READ):
                page = await ask(cursor=cursor)
                found.extend(getattr(page, kind))
                cursor = page.next_cursor
                if not cursor:
                    break
            names = [str(getattr(item, "name", "")) for item in found]
            keys = [
                str(getattr(item, "uri", name)) for item, name in zip(found, names, strict=True)
            ]
            need(not cursor, f"more than {PAGES_READ} pages")
            need(len(set(keys)) == len(keys), f"one is listed twice: {keys}")
            return f"{len(found)}: {', '.join(names)}" if found else "none"

        await self.check(f"list {kind.replace('_', ' ')}", work())
        return found

    def trials(self, tools: list[types.Tool]) -> list[tuple[str, dict[str, Any]]]:
        """Calls that may be made: the one asked for, or those of tools that only read, here."""
        if self.options.tool:
            return [(self.options.tool, self.options.args or {})]
        hints = [(tool, tool.annotations or types.ToolAnnotations()) for tool in tools]
        safe = [tool for tool, hint in hints if hint.read_only_hint and not hint.open_world_hint]
        return [(tool.name, arguments_for(tool.input_schema)) for tool in safe[:TRIED]]

    async def call_a_tool(self, client: Client, tools: list[types.Tool]) -> str:
        """Call the tool asked for, or the first that is safe to call and succeeds."""
        trials = self.trials(tools)
        if not trials:
            raise NotOfferedError("no tool is marked readOnlyHint; name one with --tool and --args")
        seen = ""
        for name, arguments in trials:
            result = await client.call_tool(name, arguments)
            text = " ".join(getattr(part, "text", f"({part.type})") for part in result.content)
            seen = f"{name}({json.dumps(arguments)[1:-1]}) → {text}"
            if not result.is_error:
                self.called = name
                return seen
            self.errors.append(text)
        made_up = not self.options.tool and all(arguments for _, arguments in trials)
        if made_up and not any(FAULT in error for error in self.errors):
            raise NotOfferedError(f"{MADE_UP}: {seen}")
        raise WrongError(seen)

    async def refuse_arguments(self, client: Client, tools: list[types.Tool]) -> str:
        """A call whose every argument is of a wrong type, to the tool that was called."""
        if self.called is None:
            raise NotOfferedError("no tool was called")
        schemas = {tool.name: tool.input_schema for tool in tools}
        names = list(schemas.get(self.called, {}).get("properties", {})) or ["no_such_argument"]
        bad = {name: {"wrong": ["type"]} for name in names}
        return await self.refused(client.call_tool(self.called, bad))

    async def refused(self, call: Awaitable[Any]) -> str:
        """An error, be it of the protocol (-32602) or of the tool."""
        try:
            result = await call
        except MCPError as error:
            self.errors.append(error.error.message)
            need(error.error.code in (-32602, -32002), explain(error))
            return explain(error)
        need(getattr(result, "is_error", False), f"was accepted: {result}")
        text = " ".join(getattr(part, "text", "") for part in result.content)
        self.errors.append(text)
        return text

    async def question(self, client: Client, tools: list[types.Tool]) -> str:
        """A tool that asks the user something goes on with the answer: an input round."""
        for name, arguments in self.trials(tools):
            if self.asked:
                break
            result = await client.call_tool(name, arguments)
            need(not (self.asked and result.is_error), f"{name} asked, then failed: {result}")
        if not self.asked:
            raise NotOfferedError("no tool that was called asks")
        return f"asked {self.asked[0]!r}"

    async def read(self, client: Client, resources: list[types.Resource]) -> str:
        if not resources:
            raise NotOfferedError("no resource is listed")
        uri = str(resources[0].uri)
        contents = (await client.read_resource(uri)).contents
        need(contents, f"{uri} has no contents")
        text = getattr(contents[0], "text", None)
        return f"{uri} → {text if text is not None else 'binary'}"

    async def prompt(self, client: Client, prompts: list[types.Prompt]) -> str:
        """Get the first prompt that takes made-up arguments: words, else numbers."""
        if not prompts:
            raise NotOfferedError("no prompt is listed")
        seen = ""
        for prompt in prompts[:TRIED]:
            needed = [item.name for item in prompt.arguments or [] if item.required]
            for word in ("example", "1"):
                try:
                    result = await client.get_prompt(prompt.name, dict.fromkeys(needed, word))
                except MCPError as error:
                    self.errors.append(error.error.message)
                    seen = f"{prompt.name}: {explain(error)}"
                    continue
                need(result.messages, f"{prompt.name} has no messages")
                return f"{prompt.name}: {getattr(result.messages[0].content, 'text', '')}"
        raise WrongError(seen)

    async def listen(self, client: Client) -> str:
        can = client.server_capabilities
        if not (can.tools and can.tools.list_changed):
            raise NotOfferedError("the server does not tell of changes")
        async with client.listen(tools_list_changed=True) as subscription:
            return f"acknowledged {subscription.honored}"

    async def masked(self) -> str:
        for text in self.errors:
            need(not any(mark in text for mark in INSIDE), text)
        return f"{len(self.errors)} errors looked at"


async def converse(options: argparse.Namespace) -> int:
    """Hold the conversations asked for; returns the exit code."""
    where = options.url.geturl()
    try:
        anonymous = Access.of(options).anonymous()
        async with http_client(anonymous) as http, http.stream("GET", where, timeout=5.0):
            pass
    except httpx2.TransportError as error:
        print(
            f"test_mcp_client.py: cannot reach {where}: {error or type(error).__name__}. "
            "Expected an MCP server there: is it up, and is --url right?",
            file=sys.stderr,
        )
        return UNREACHABLE
    findings = Findings()
    eras: tuple[Era, ...] = ("modern", "legacy") if options.era == "both" else (options.era,)
    for era in eras:
        await Conversation(era, options, findings).hold()
    print(f"{findings.passed} right, {findings.failed} wrong, {findings.left_out} left out")
    return FAILED if findings.failed else PASSED


def main(argv: Sequence[str] | None = None) -> int:
    """Check the server that `argv` names; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    access_options.add_options(parser)
    add("--era", choices=("both", "modern", "legacy"), default="both", help="(default both)")
    add("--tool", metavar="NAME", help="call this tool, whatever it does")
    add("--args", type=json_object, metavar="JSON", help="that tool's arguments")
    options = parser.parse_args(argv)
    if wrong := access_options.contradiction(options):
        parser.error(wrong)
    if options.args is not None and options.tool is None:
        parser.error("--args without --tool: name the tool that takes these arguments")
    return asyncio.run(converse(options))


if __name__ == "__main__":
    sys.exit(main())
