"""Requests that need nothing but their answer."""

from itertools import pairwise

import httpx2

from lab.deploy.session import opened
from lab.matrix.caller import connected
from lab.matrix.modes import TOKEN
from lab.matrix.observation import WORKS, Seen, Trial
from lab.mcp_wire import call, text, with_headers

# Characters: far more than any buffer on the way. The official client takes events of 1 MiB at
# most; bodies in JSON have no such limit.
LARGE = 1_000_000


async def tools(trial: Trial) -> Seen:
    """Listed and called, on every replica."""
    async with connected(trial.service, trial.era) as caller:
        listed = await caller.client.list_tools()
        assert {"echo", "hold"} <= {tool.name for tool in listed.tools}
        for number in range(6):
            assert await caller.call("echo", text=str(number)) == str(number)
        met = caller.served_by[-6:]
    pinned = trial.service.mode.count == 1 or (trial.service.mode.sticky and trial.era == "legacy")
    assert len(set(met)) == (1 if pinned else 3)
    if not pinned:
        assert all(a != b for a, b in pairwise(met)), met
    return WORKS


async def resources(trial: Trial) -> Seen:
    """Listed and read, the one with a parameter too."""
    async with connected(trial.service, trial.era) as caller:
        listed = await caller.client.list_resources()
        assert [str(found.uri) for found in listed.resources] == ["matrix://colour"]
        templates = await caller.client.list_resource_templates()
        assert "matrix://twice/{number}" in {
            found.uri_template for found in templates.resource_templates
        }
        for uri, expected in (("matrix://colour", "blue"), ("matrix://twice/21", "42")):
            read = await caller.client.read_resource(uri)
            assert read.contents[0].text == expected
    return WORKS


async def prompts(trial: Trial) -> Seen:
    """Listed and rendered."""
    async with connected(trial.service, trial.era) as caller:
        assert [found.name for found in (await caller.client.list_prompts()).prompts] == ["greet"]
        got = await caller.client.get_prompt("greet", {"name": "Ada"})
        assert got.messages[0].content.text == "Greet Ada."
    return WORKS


async def plain_http_client(trial: Trial) -> Seen:
    """A client that takes JSON and nothing else, as `curl -H 'Accept: application/json'`."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx2.AsyncClient(
        headers=headers, timeout=30, verify=False, trust_env=False
    ) as http:
        asked = with_headers(call("echo", trial.era, text="hello"), Accept="application/json")
        if trial.era == "legacy" and trial.service.mode.stateful:
            response = await (await opened(http, trial.service.url)).send(asked)
        else:
            response = await http.post(trial.service.url, **asked)
    if response.status_code != 200:
        return Seen("refused", f"{response.status_code} {response.text}")
    assert response.headers["Content-Type"].startswith("application/json")
    assert text(response) == "hello"
    return WORKS


async def large_results(trial: Trial) -> Seen:
    """A million characters, whole."""
    async with connected(trial.service, trial.era) as caller:
        got = await caller.call("large", size=LARGE)
        assert len(got) == LARGE
        assert got.endswith("0123456789abcdef")
    return WORKS
