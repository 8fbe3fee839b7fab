"""A stranger's copy on a Swarm: renamed, with tools, a setting with a secret, a route, a middleware.

With MCP_SWARM_FULL set: its image is one more to build. `lab/copy` runs the copy without a Swarm.
"""

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.copy import stranger
from lab.mcp_wire import request
from lab.swarm import images, places
from lab.swarm.cluster import Cluster
from lab.swarm.conftest import FULL
from lab.swarm.deployment import Deployment
from mcp_swarm.testing import http_service
from mcp_swarm.testing.http_service import HttpService

pytestmark = [
    pytest.mark.swarm,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not FULL, reason="MCP_SWARM_FULL=1 runs it; lab/copy runs it here"),
]


@pytest.fixture
def crm() -> Iterator[HttpService]:
    """What the copy's tool calls, where containers reach it."""
    with http_service.running(places.address(254)) as service:
        service.answers["/scores/Ada"] = {"score": 70}
        yield service


@pytest.fixture
def stack(cluster_of_one: Cluster, copy: Path) -> Iterator[Deployment]:
    """The copy's stack, not deployed yet."""
    images.name_base(cluster_of_one.manager)
    stack = Deployment(cluster_of_one, copy / "secrets", stranger.NAME)
    cluster_of_one.own = not cluster_of_one.is_formed()
    try:
        with images.kept(cluster_of_one.manager):
            yield stack
        stack.remove()
    finally:
        cluster_of_one.dissolve()


def test_a_strangers_copy_serves_on_a_swarm(
    stack: Deployment, copy: Path, crm: HttpService
) -> None:
    """Its database, its secret, its route and its middleware work; a new secret needs a deploy."""
    own = stack.secrets / "own"
    own.mkdir(parents=True)
    for token in ("of-the-crm", "of-the-crm-rotated"):
        (own / "crm_token").write_text(token)
        deploy(stack, copy, CRM_URL=crm.url, MCP_OUTBOUND_HOSTS=crm.host)
        assert tool(stack, "score_lead", name="Ada") == 70
        assert crm.received[-1].headers["authorization"] == f"Bearer {token}"
    assert [tool(stack, "add_lead", name=name) for name in ("Ada", "Bob")] == [1, 2]
    with urllib.request.urlopen(stack.url().replace("/mcp", "/about"), timeout=10) as answer:
        assert json.load(answer) == {"service": stranger.NAME}
        assert answer.headers["X-Region"] == "north"
    assert set(stack.counts()) == {"lb", "mcp", "worker", "redis", "postgres"}


def deploy(stack: Deployment, copy: Path, **settings: str) -> None:
    """`make deploy`; service.env lists the settings, and the shell has their values."""
    path = copy / "service.env"
    listed = path.read_text().splitlines()
    path.write_text("\n".join([*listed, *(settings.keys() - set(listed)), ""]))
    cluster = stack.cluster
    known = {
        "DOCKER_BUILDKIT": "0",
        "RESOLVE_IMAGE": "never",  # no registry is asked: every image is there
        "ADVERTISE": cluster.addresses[0],
        "MCP_ALLOWED_HOSTS": ",".join(cluster.addresses),
    }
    if socket := cluster.manager.socket:
        known["DOCKER_HOST"] = f"unix://{socket}"
    done = subprocess.run(
        ["make", "deploy"],
        cwd=copy,
        env={**os.environ, **known, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def tool(stack: Deployment, tool_name: str, /, **arguments: Any) -> Any:
    """What the tool returns, asked as the first caller."""
    made = request("tools/call", name=tool_name, arguments=arguments)
    token = (stack.secrets / "first_token").read_text()
    headers = {**made["headers"], "Authorization": f"Bearer {token}"}
    body = json.dumps(made["json"]).encode()
    post = urllib.request.Request(stack.url(), body, headers)
    with urllib.request.urlopen(post, timeout=30) as answer:
        return json.load(answer)["result"]["structuredContent"]["result"]
