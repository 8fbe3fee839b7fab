"""`make deploy` on a Swarm: it ships what is in the tree, and says when it did not work.

On a copy of the project, so that its files can be edited. One story, as each deploy takes its time.
"""

import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.swarm import images
from lab.swarm.cluster import Cluster
from lab.swarm.commands import run
from lab.swarm.deployment import Deployment

pytestmark = [pytest.mark.swarm, pytest.mark.timeout(900)]

TOOL = """from fastmcp.tools import tool

from server.config import settings


@tool(task=True)
async def edited() -> str:
    \"\"\"Says which version it is, and how long a call may take.\"\"\"
    return f"{VERSION} {settings().mcp_call_timeout:g}"
"""


@dataclass
class Project:
    """A copy of the project, and the Swarm that it is deployed on."""

    folder: Path
    stack: Deployment

    def deploy(self, **settings: str) -> "subprocess.CompletedProcess[str]":
        """`make deploy`, with both of its outputs."""
        cluster = self.stack.cluster
        known = {
            "DOCKER_BUILDKIT": "0",
            "LB_BALANCE": "roundrobin",
            "RESOLVE_IMAGE": "never",  # no registry is asked: every image is there
            "ADVERTISE": cluster.addresses[0],
            "MCP_ALLOWED_HOSTS": ",".join(cluster.addresses),
        }
        if socket := cluster.manager.socket:
            known["DOCKER_HOST"] = f"unix://{socket}"
        return subprocess.run(
            ["make", "deploy"],
            cwd=self.folder,
            env={**os.environ, **known, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )

    def write(self, text: str, version: str = "") -> None:
        """Puts the tool's file into the tree."""
        tool = text.replace("{VERSION}", version)
        (self.folder / "server" / "tools" / "edited.py").write_text(tool)

    def configure(self, name: str, value: str) -> None:
        """Sets a name in service.env."""
        path = self.folder / "service.env"
        path.write_text(re.sub(rf"(?m)^{name}(=.*)?$", f"{name}={value}", path.read_text()))

    def answers(self) -> set[str]:
        """What all replicas say, once each was asked: a new one gets few calls at first."""
        call = {"method": "tools/call", "params": {"name": "edited", "arguments": {}}}
        seen: dict[str, str] = {}
        wanted, deadline = len(self.stack.tasks()), time.monotonic() + 30
        while len(seen) < wanted:
            assert time.monotonic() < deadline, f"only {sorted(seen)} were asked"
            replica, body = self._post("/mcp", {"jsonrpc": "2.0", "id": 1, **call})
            seen[replica] = body["result"]["content"][0]["text"]
        return set(seen.values())

    def job(self) -> str:
        """What a worker says."""
        _, job = self._post("/jobs", {"tool": "edited", "arguments": {}})
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            _, status = self._post(job["status_url"], None)
            if status["state"] in ("completed", "failed"):
                break
            time.sleep(0.2)
        assert status["state"] == "completed", status
        _, result = self._post(status["result_url"], None)
        return str(result["structuredContent"]["result"])

    def _post(self, path: str, body: object) -> tuple[str, dict[str, Any]]:
        with self._open(path, body) as answer:
            return answer.headers["X-Served-By"], json.load(answer)

    def _open(self, path: str, body: object) -> "urllib.request._UrlopenRet":
        token = (self.folder / "secrets" / "first_token").read_text()
        url = self.stack.url().removesuffix("/mcp") + path
        request = urllib.request.Request(
            url,
            None if body is None else json.dumps(body).encode(),
            {
                "Content-Type": "application/json",
                "Accept": "application/json",
                "Authorization": f"Bearer {token}",
            },
        )
        return urllib.request.urlopen(request, timeout=30)


@pytest.fixture
def project(cluster_of_one: Cluster, tmp_path: Path) -> Iterator[Project]:
    """A clone of what is in the working tree, with a tool of its own."""
    folder = tmp_path / "project"
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard")
    run("sh", "-c", 'tar -cf - -T - | tar -xf - -C "$0"', str(_made(folder)), stdin=listed)
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")
    for order in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "first")):
        run("git", *order, cwd=folder)
    images.name_base(cluster_of_one.manager)
    stack = Deployment(cluster_of_one, folder / "secrets")
    cluster_of_one.own = not cluster_of_one.is_formed()
    if not cluster_of_one.own and (found := stack.found()):
        pytest.fail(f"not over what you have here: {', '.join(found)}. Remove it first.")
    try:
        with images.kept(cluster_of_one.manager):  # the last one built here cannot start
            yield Project(folder, stack)
        stack.remove()
    finally:
        cluster_of_one.dissolve()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_a_deploy_ships_what_is_in_the_tree_or_says_why_not(project: Project) -> None:
    """A first deploy; an edit; a setting; a scaled number that stays; a broken tool."""
    project.write(TOOL, "one")
    first = project.deploy()
    assert first.returncode == 0, first.stdout
    assert "claude mcp add --transport http" in first.stdout
    assert (project.answers(), project.job()) == ({"one 30"}, "one 30")
    stranger = urllib.request.Request(project.stack.url(), b"{}")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(stranger, timeout=10)
    with refused.value as answer:
        assert answer.code == 401

    project.stack.cluster.manager.docker("service", "scale", "--detach", "mcp-swarm_mcp=4")
    project.write(TOOL, "two")
    project.configure("MCP_CALL_TIMEOUT", "7")
    edited = project.deploy()
    assert edited.returncode == 0, edited.stdout
    assert "mcp keeps its 4 replicas" in edited.stdout
    assert (project.answers(), project.job()) == ({"two 7"}, "two 7")
    assert project.stack.counts()["mcp"] == ["4", "4"]

    before = project.stack.replicas()
    project.write("def broken(:\n")
    unreadable = project.deploy()
    assert unreadable.returncode != 0, "the image cannot be built"
    assert "SyntaxError" in unreadable.stdout
    project.write("import not_installed\n")
    broken = project.deploy()
    assert broken.returncode != 0, "no replica can start"
    for said in ("mcp: ", "non-zero exit (3)", "No module named 'not_installed'"):
        assert said in broken.stdout, broken.stdout
    assert re.search("Rolled back: .*mcp, worker", broken.stdout), broken.stdout
    assert project.stack.replicas() == before, "an old replica stopped"
    assert (project.answers(), project.job()) == ({"two 7"}, "two 7")
    assert reaches(project, "worker", project.stack.cluster.addresses[0])


def reaches(project: Project, service: str, address: str) -> bool:
    """Whether a task of `service` can open a connection to what lies outside of the stack."""
    manager = project.stack.cluster.manager
    container = manager.docker("ps", "-q", "--filter", f"name=mcp-swarm_{service}").split()[0]
    code = f"import socket; socket.create_connection(('{address}', 8150), 5); print('open')"
    return manager.docker("exec", container, "python", "-c", code) == "open"
