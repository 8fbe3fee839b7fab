"""The stack on one node: what a developer's laptop or a first server has."""

import contextlib
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from lab.swarm import bases
from lab.swarm.commands import PROJECT, CommandError
from lab.swarm.deployment import NAME, Deployment

pytestmark = [pytest.mark.swarm, pytest.mark.timeout(900)]


def test_a_plain_post_is_answered_in_json(one_node: Deployment) -> None:
    """The README's curl: tools/list with `Accept: application/json` is 200 and JSON."""
    answer, body = post(one_node.url(), {"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert "get_top_customers" in [tool["name"] for tool in json.loads(body)["result"]["tools"]]


def test_the_official_client_is_served_in_both_eras(one_node: Deployment) -> None:
    """test_mcp_client.py passes every check against the stack."""
    command = [sys.executable, "test_mcp_client.py", "--url", one_node.url()]
    done = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✓" in done.stdout


def test_the_balancer_shows_no_metrics_of_a_replica(one_node: Deployment) -> None:
    """/metrics is refused by the balancer itself, however it is spelt."""
    for path in ("/metrics", "/%6Detrics", "//metrics", "/METRICS/", "/metrics?x=1"):
        url = one_node.url().removesuffix("/mcp") + path
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url, timeout=10)
        with refused.value as answer:
            assert answer.code == 404, path
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.headers["X-Served-By"] is None, "a replica was asked"


def test_a_foreign_host_name_is_refused_through_the_balancer(one_node: Deployment) -> None:
    """Host reaches the replicas unchanged, so their guard against DNS rebinding works."""
    request = urllib.request.Request(one_node.url(), b"{}", {"Host": "attacker.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    with refused.value as answer:
        assert 400 <= answer.code < 500
        assert answer.headers["X-Served-By"], "the replica itself must refuse"


def test_a_replica_is_locked_in(one_node: Deployment) -> None:
    """It runs without root, without capabilities, on a read-only file system, without tools."""
    script = (
        "id -u; grep CapEff /proc/self/status; touch /app/x 2>&1; "
        "for tool in pip pip3 uv gcc cc; do command -v $tool; done; "
        "python -c 'import pip' 2>&1 | tail -1"
    )
    manager = one_node.cluster.manager
    container = manager.docker("ps", "-q", "--filter", f"name={NAME}_mcp").split()[0]
    user, capabilities, *rest = manager.docker("exec", container, "sh", "-c", script).splitlines()
    assert user == "10001"
    assert int(capabilities.split()[1], 16) == 0
    assert "Read-only file system" in rest[0]
    assert rest[1:] == ["ModuleNotFoundError: No module named 'pip'"]


def test_a_start_compiles_nothing(one_node: Deployment) -> None:
    """All bytecode is in the image: on a read-only file system it could never be kept."""
    manager = one_node.cluster.manager
    container = manager.docker("ps", "-q", "--filter", f"name={NAME}_mcp").split()[0]
    imported = "python -v -c 'import mcp_swarm.serve, server.examples.tools.sales' 2>&1"
    said = manager.docker("exec", container, "sh", "-c", imported).splitlines()
    assert len([line for line in said if line.endswith(".py") and " matches " in line]) > 500
    assert [line for line in said if re.search(r"code object from /.*\.py$", line)] == []


def test_secrets_are_in_no_environment_and_no_argument(one_node: Deployment) -> None:
    """`docker inspect` shows none of the passwords."""
    manager = one_node.cluster.manager
    shown = manager.docker("inspect", *manager.docker("ps", "-q").split())
    for secret in one_node.secrets.iterdir():
        assert secret.read_text() not in shown, secret.name


def test_all_of_it_is_healthy_and_within_its_limits(one_node: Deployment) -> None:
    """Every service runs all its tasks, and no container was restarted on the way."""
    assert one_node.counts() == {
        "lb": ["1", "1"],
        "mcp": ["3", "3"],
        "postgres": ["1", "1"],
        "redis": ["1", "1"],
        "worker": ["2", "2"],
    }
    manager = one_node.cluster.manager
    ended = manager.docker("ps", "-aq", "--filter", "status=exited", "--filter", f"name={NAME}_")
    assert ended == "", "a container was replaced"


def test_swarm_kills_nothing_that_is_only_slow(one_node: Deployment) -> None:
    """Balancer, Redis and PostgreSQL are stopped until Swarm has killed one with shorter limits."""
    manager = one_node.cluster.manager
    # The control has the limits that all had once: 3 s, three times.
    limits = ("--health-interval=5s", "--health-timeout=3s", "--health-retries=3")
    check = "--health-cmd=redis-cli ping | grep -q PONG"
    image = bases.wanted()["redis"]
    order = ("service", "create", "--name", "control", "--init", "--no-resolve-image", *limits)
    manager.docker(*order, check, "--detach=false", "--quiet", image, timeout=180)
    slow = {name: container(one_node, f"{NAME}_{name}") for name in ("lb", "redis", "postgres")}
    control = container(one_node, "control")
    try:
        for found in (*slow.values(), control):
            # All but process 1, which is docker-init, and the shell itself.
            manager.docker("exec", found, "sh", "-c", "kill -s STOP -- -1")
        deadline = time.monotonic() + 120
        while container(one_node, "control") == control:
            assert time.monotonic() < deadline, "the control was not killed"
            time.sleep(1)
        assert {name: container(one_node, f"{NAME}_{name}") for name in slow} == slow
    finally:
        manager.docker("service", "rm", "control")
        for found in slow.values():
            with contextlib.suppress(CommandError):
                manager.docker("exec", found, "sh", "-c", "kill -s CONT -- -1")
    one_node.wait()
    assert {name: container(one_node, f"{NAME}_{name}") for name in slow} == slow


def container(one_node: Deployment, service: str) -> str:
    """The service's running container; an empty text while there is none."""
    label = f"label=com.docker.swarm.service.name={service}"
    return one_node.cluster.manager.docker("ps", "-q", "--filter", label)


def post(url: str, message: dict[str, object]) -> tuple[urllib.request.addinfourl, bytes]:
    """Sends one JSON-RPC message as curl would."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    request = urllib.request.Request(url, json.dumps(message).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer, answer.read()
