"""With the short path and without it a replica answers the same.

Each request goes to two replicas, one of which has no short path; status, headers and body are
compared, and in the end the request logs. Bodies are compared as JSON: ours is UTF-8 where the
framework writes escapes for clients of 2026-07-28, and an object's members may come in another
order, neither of which JSON gives a meaning to. Nothing else may differ.

A share of the odd requests is drawn in each run; ``SAMENESS_SHARE=1`` sends all (minutes). The
other modes and packages run with ``-m thorough``.
"""

import hashlib
import json
import os
import random
import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests import replica as replicas
from tests.core.requests import Sent, arguments, odd, plain
from tests.replica import Replica
from tests.speak import ERAS

SHARE = float(os.environ.get("SAMENESS_SHARE", "0.05"))

# Of the answer's headers those that say something about the answer.
HEADERS = ("content-type", "allow", "www-authenticate", "cache-control", "mcp-session-id")

# Tools of the samples that wait, tell of their own process, or count what they are told of.
NOT_THE_SAME_TWICE = {
    "sleep", "sore", "block", "block_in_executor", "count", "seen", "imported", "loaded", "host",
    "order",
}  # fmt: skip

SAMPLES = (*replicas.SAMPLE, "tests.core.sample.same")
EVERYTHING = "tests.conformance.everything"
OTHERS = {
    "examples": ("server.tools", "server.resources", "server.prompts"),
    "conformance": (f"{EVERYTHING}.tools", f"{EVERYTHING}.resources", f"{EVERYTHING}.prompts"),
}
MODES: dict[str, dict[str, Any]] = {
    "default": {},
    "auth": {"AUTH_ENABLED": "true"},
    "sessions": {"MCP_STATELESS_HTTP": "false"},
    "auto": {"MCP_JSON_RESPONSE": "auto"},
}
ADMIN = "Bearer token-admin"
TOKENS = [ADMIN, "bearer token-user", "Bearer wrong", "Basic eDp5", "Bearer", None]
LISTS = ("tools/list", "resources/list", "resources/templates/list", "prompts/list")


class Pair:
    """Two replicas that differ in the short path alone."""

    def __init__(
        self, folder: Path, http: httpx2.AsyncClient, packages: Any, **settings: Any
    ) -> None:
        self.http = http
        self.sent = 0
        self.different: list[str] = []
        settings["MCP_CALL_TIMEOUT"] = 3  # some samples take longer on purpose
        self.short = replicas.start(folder / "short", packages, **settings)
        self.long = replicas.start(folder / "long", packages, without=["short-path"], **settings)

    async def send(self, sent: Sent, token: str | None = None) -> dict[str, Any]:
        """Sends it to both; gives the first one's result, if there is one."""
        if token:
            sent = replace(sent, headers=[*sent.headers, ("authorization", token)])
        one = await self._answer(self.short, sent)
        other = await self._answer(self.long, sent)
        self.sent += 1
        if one != other:
            told = f"  short: {_told(one)}\n  long:  {_told(other)}"
            self.different.append(f"{token or ''} {sent.what}\n{told}")
        body = one[2]
        return body.get("result", {}) if isinstance(body, dict) else {}

    async def _answer(self, to: Replica, sent: Sent) -> tuple[Any, ...]:
        headers = [(name.encode(), value.encode()) for name, value in sent.headers]
        content = _parts(sent.body) if sent.chunked else sent.body
        url = f"{to.base}{sent.path}"
        response = await self.http.request(sent.method, url, headers=headers, content=content)
        assert response.headers["x-served-by"], sent.what
        assert response.headers["x-request-id"], sent.what
        told = {n: _stable(response.headers[n]) for n in HEADERS if n in response.headers}
        try:
            return response.status_code, told, _stable(response.json())
        except ValueError:
            return response.status_code, told, response.content

    def judge(self) -> None:
        """Fails with what was different."""
        found = "\n".join(self.different[:30])
        assert not self.different, f"{len(self.different)} of {self.sent} differ:\n{found}"
        deadline = time.monotonic() + 5  # a request is logged once it has been answered
        while _requests(self.short.log) != _requests(self.long.log) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert _requests(self.short.log) == _requests(self.long.log)

    def end(self) -> None:
        self.short.end()
        self.long.end()


async def _parts(body: bytes) -> AsyncIterator[bytes]:
    yield body[:10]
    yield body[10:]


def _stable(value: Any) -> Any:
    """What is different each time is replaced by its kind."""
    if isinstance(value, dict):
        return {name: _stable(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_stable(inner) for inner in value]
    if isinstance(value, float) and value != value:
        return "NaN"
    if isinstance(value, str):
        value = re.sub(r"v1\.[\w-]{40,}", "v1.sealed", value)
        return re.sub(r"0x[0-9a-f]{6,}|127\.0\.0\.1:\d+|\b[0-9a-f]{32}\b", "…", value)
    return value


def _told(answer: tuple[Any, ...]) -> str:
    status, headers, body = answer
    return f"{status} {headers} {json.dumps(body, default=repr)[:600]}"


def _requests(log: str) -> list[str]:
    """The request log without times and ids, sorted: a stream is logged when it ends."""
    lines = [line for line in log.splitlines() if re.search(r"\] \d+ [A-Z]+ /mcp.* ms$", line)]
    return sorted(re.sub(r" [\d.]+ ms$", "", line.partition("] ")[2]) for line in lines)


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


async def test_most_plain_calls_take_the_short_path(pair):
    """The control: else the comparison would compare the framework with itself."""
    two = pair(SAMPLES, MCP_LOG_LEVEL="debug")
    for base in plain_ones():
        await two.send(base)

    two.judge()
    assert two.short.log.count("the short path answered") == len(plain_ones())
    assert "the short path answered" not in two.long.log


def test_a_difference_would_be_seen():
    """The control: what is compared is not made equal by the comparison."""
    assert _stable({"a": [1, "x"]}) != _stable({"a": [1, "y"]})
    assert _requests("1 INFO r [id] 200 POST /mcp a b 1.0 ms") == ["200 POST /mcp a b"]


def plain_ones() -> list[Sent]:
    """One plain request of each kind that the short path takes, in both eras."""
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
    source = (Path(__file__).parent / "sample" / "same" / "shapes.py").read_text()
    kinds = re.findall(r'^        "([\w-]+)": ', source, re.MULTILINE)
    return [(name, {"kind": kind}) for name in ("anything", "failing") for kind in kinds]
