"""A replica answers as it does without the fast path, and as FastMCP by itself does.

Each request goes to two replicas, one of which has no fast path, or is FastMCP alone with the same
options (`alone.py`); status, headers and body are compared, and in the end the request logs. Bodies are compared as JSON: ours is UTF-8 where the
framework writes escapes for clients of 2026-07-28, and an object's members may come in another
order, neither of which JSON gives a meaning to. Nothing else may differ, but for DECISIONS where FastMCP is alone.

A share of the odd requests is drawn in each run; ``SAMENESS_SHARE=1`` sends all (minutes). The
other modes and packages run with ``-m thorough``.
"""

import hashlib
import os
import random
import re
from typing import Any

import pytest

from lab import replica as replicas
from lab.fast_path.decisions import NEVER_ENDS, decisions, decisions_on_methods
from lab.fast_path.pair import Pair, requests, stable
from lab.fast_path.requests import Sent, arguments, odd, once_different, others, plain
from lab.mcp_wire import ERAS

pytestmark = pytest.mark.processes

SHARE = float(os.environ.get("SAMENESS_SHARE", "0.05"))

# Tools of the samples that wait, tell of their own process, or count what they are told of.
NOT_THE_SAME_TWICE = {
    "sleep", "sore", "block", "block_in_executor", "count", "seen", "imported", "loaded", "host",
    "order",
}  # fmt: skip

SAMPLES = (*replicas.SAMPLE, "lab.sample.same")
EVERYTHING = "lab.conformance.everything"
OTHERS = {
    "examples": ("server.examples.tools", "server.examples.resources", "server.examples.prompts"),
    "conformance": (f"{EVERYTHING}.tools", f"{EVERYTHING}.resources", f"{EVERYTHING}.prompts"),
}
MODES: dict[str, dict[str, Any]] = {
    "default": {},
    "auth": {"AUTH_ENABLED": "true"},
    "sessions": {"MCP_STATELESS_HTTP": "false"},
    "auto": {"MCP_JSON_RESPONSE": "auto"},
    "shared sessions": {"MCP_STATELESS_HTTP": "false", "shared": True},
    "shared sessions, streams": {
        "MCP_STATELESS_HTTP": "false",
        "MCP_JSON_RESPONSE": "false",
        "shared": True,
    },
    "shared sessions, auth": {
        "MCP_STATELESS_HTTP": "false",
        "AUTH_ENABLED": "true",
        "shared": True,
    },
}
ADMIN = "Bearer token-admin"
TOKENS = [ADMIN, "bearer token-user", "Bearer wrong", "Basic eDp5", "Bearer", None]
LISTS = ("tools/list", "resources/list", "resources/templates/list", "prompts/list")


@pytest.fixture
def pair(tmp_path, http):
    """Makes pairs, ready to be asked: `pair(packages, MCP_…=…)`."""
    made: list[Pair] = []

    def make(packages: Any, **settings: Any) -> Pair:
        if settings.get("AUTH_ENABLED"):
            callers = tmp_path / "callers.yml"
            callers.write_text(_caller("admin", "[mcp, admin]") + _caller("user", "[]"))
            settings["AUTH_TOKENS_FILE"] = callers
        made.append(Pair(tmp_path, http, packages, **settings))
        made[-1].short.wait_until_ready()
        made[-1].long.wait_until_ready()
        return made[-1]

    yield make
    for one in made:
        one.end()


def _caller(name: str, scopes: str) -> str:
    digest = hashlib.sha256(f"token-{name}".encode()).hexdigest()
    return f"- {{sha256: {digest}, client: {name}, subject: {name}, scopes: {scopes}}}\n"


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "mode", [pytest.param(m, marks=[] if m == "default" else [pytest.mark.thorough]) for m in MODES]
)
async def test_answers_are_the_same(pair, mode):
    """Every component with drawn arguments, and each method with one odd thing at a time."""
    draw = random.Random(f"{mode} 1")
    tokens = TOKENS if mode == "auth" else [None]
    two = pair(SAMPLES, **MODES[mode])

    for sent in await calls_of_everything(two, tokens, draw):
        await two.send(sent, draw.choice(tokens[:2]))
    for base in plain_ones():
        for sent in once_different(base):
            await two.send(sent, tokens[0])
        for sent in odd(base):
            if draw.random() < SHARE:
                await two.send(sent, tokens[0])
        for token in tokens:
            await two.send(base, token)

    two.judge()


@pytest.mark.timeout(600)
@pytest.mark.thorough
@pytest.mark.parametrize("packages", OTHERS)
async def test_answers_of_what_comes_with_it_are_the_same(pair, packages):
    """The template's examples, and what the conformance suite calls."""
    two = pair(OTHERS[packages])

    for sent in await calls_of_everything(two, [None], random.Random(7)):
        await two.send(sent)

    two.judge()


async def test_each_method_is_answered_as_by_fastmcp_alone(pair):
    """Right requests, and those that were once answered otherwise."""
    decided = decisions_on_methods()
    two = pair(SAMPLES, without="everything", decided=decided)

    for sent in [*plain_ones(), *(sent for era in ERAS for sent in others(era))]:
        await two.send(sent)
    for base in plain_ones():
        for sent in once_different(base):
            await two.send(sent)

    two.judge()
    assert all(decision.seen for decision in decided)


@pytest.mark.timeout(900)
@pytest.mark.thorough
@pytest.mark.parametrize("mode", ["default", "auth"])
async def test_answers_are_those_of_fastmcp_alone(pair, mode):
    """As above, of everything and with odd ones; each decision is met."""
    draw = random.Random(f"{mode} 2")
    tokens = TOKENS if mode == "auth" else [None]
    decided = decisions(mode == "auth")
    two = pair(SAMPLES, without="everything", decided=decided, **MODES[mode])

    for sent in await calls_of_everything(two, tokens, draw):
        if not NEVER_ENDS & {str(value) for value in sent.message["params"].values()}:
            await two.send(sent, draw.choice(tokens[:2]))
    for base in plain_ones():
        for sent in odd(base):
            if draw.random() < SHARE or "accept" in sent.what or "| path" in sent.what:
                await two.send(sent, tokens[0])
        for token in tokens:
            await two.send(base, token)

    two.judge()
    assert all(decision.seen for decision in decided)


@pytest.mark.parametrize("mode", ["default", "shared sessions", "shared sessions, streams"])
async def test_most_plain_calls_take_the_fast_path(pair, mode):
    """The control: else the comparison would compare the framework with itself."""
    two = pair(SAMPLES, MCP_LOG_LEVEL="debug", **MODES[mode])
    for base in plain_ones():
        await two.send(base)

    two.judge()
    streams = "streams" in mode  # which clients of the newer era get
    assert two.short.log.count("the fast path answered") == len(plain_ones()) / (1 + streams)
    assert "the fast path answered" not in two.long.log


def test_a_difference_would_be_seen():
    """The control: what is compared is not made equal by the comparison."""
    assert stable({"a": [1, "x"]}) != stable({"a": [1, "y"]})
    assert requests("1 INFO r [id] 200 POST /mcp a b 1.0 ms") == ["200 POST /mcp a b"]


def plain_ones() -> list[Sent]:
    """One plain request of each kind that the fast path takes, in both eras."""
    return [
        made
        for era in ERAS
        for made in (
            plain("tools/call", era, name="add", arguments={"a": 1, "b": 2}),
            plain("tools/call", era, name="unschemed", arguments={}),
            plain("tools/list", era),
            plain("resources/read", era, uri="same://text"),
            plain("prompts/get", era, name="plain", arguments={"name": "x"}),
        )
    ]


async def calls_of_everything(
    two: Pair, tokens: list[str | None], draw: random.Random
) -> list[Sent]:
    """Calls of all that the lists name; the lists themselves are compared on the way."""
    found: list[Sent] = []
    for era in ERAS:
        listed: dict[str, Any] = {}  # an older client without a session sees nothing
        for method in LISTS:
            for token in [*reversed(tokens), tokens[0]]:  # once to be made, once from what was kept
                listed |= await two.send(plain(method, era), token)
        for tool in listed.get("tools", []):
            if tool["name"] not in NOT_THE_SAME_TWICE:
                made = [arguments(tool["inputSchema"], draw) for _ in range(4)]
                found += [plain("tools/call", era, name=tool["name"], arguments=a) for a in made]
        found += [plain("tools/call", era, name=name, arguments=made) for name, made in _kinds()]
        found += [plain("resources/read", era, uri=r["uri"]) for r in listed.get("resources", [])]
        for template in listed.get("resourceTemplates", []):
            for value in ("told", "bug", "..", "ä", "3"):
                uri = re.sub(r"\{[^}]*\}", value, template["uriTemplate"])
                found.append(plain("resources/read", era, uri=uri))
        for prompt in listed.get("prompts", []):
            for made in ({}, {a["name"]: "1" for a in prompt.get("arguments", [])}):
                found.append(plain("prompts/get", era, name=prompt["name"], arguments=made))
    return found


def _kinds() -> list[tuple[str, dict[str, Any]]]:
    """Calls of the tools that have a result, or an error, of each kind."""
    source = (replicas.ROOT / "lab/sample/same/shapes.py").read_text()
    kinds = re.findall(r'^        "([\w-]+)": ', source, re.MULTILINE)
    return [(name, {"kind": kind}) for name in ("anything", "failing") for kind in kinds]
