"""The Swarms under these tests. Each is there once; what needs three nodes shares the lab."""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from deploy.__main__ import TOKENS as TOKENS_FILE
from lab.copy import stranger
from lab.require import absent
from lab.swarm import cleanup, compose, images, network
from lab.swarm.cluster import Cluster
from lab.swarm.commands import CommandError
from lab.swarm.compose import Composed
from lab.swarm.deployment import Deployment
from lab.swarm.engine import Engine
from lab.swarm.lab import Lab, obstacle

FULL = bool(os.environ.get("MCP_SWARM_FULL"))
# Who may call a stack that asks for tokens: client → token.
TOKENS = {"one": "the-token-of-one", "other": "the-token-of-the-other"}


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stranger's copy of the project, with MCP_SWARM_FULL; an empty folder without."""
    folder = tmp_path_factory.mktemp("copy") / stranger.NAME
    if FULL:
        stranger.service(folder)
    return folder


@pytest.fixture(scope="session")
def lab(copy: Path) -> Iterator[Lab]:
    """Three nodes with the image; when they are gone, nothing of them may be left."""
    if why := obstacle():
        absent(why)
    before = cleanup.machine()
    with Lab(3, copies=[copy] if FULL else []) as lab:
        print(lab.summary())
        yield lab
    assert cleanup.leftovers() == []
    deadline = time.monotonic() + 10  # a killed process is listed until the kernel is done with it
    while cleanup.machine() != before and time.monotonic() < deadline:
        time.sleep(0.2)
    assert cleanup.machine() ^ before == set()


@pytest.fixture(scope="module")
def one_node(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """The stack on one node."""
    yield from _deployed(_cluster_of_one(request), tmp_path_factory.mktemp("secrets"))


@pytest.fixture
def cluster_of_one(request: pytest.FixtureRequest) -> Cluster:
    """One engine with the image's layers; not a Swarm yet."""
    return _cluster_of_one(request)


@pytest.fixture
def pattern(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    """The stack on one node with the overlays that the test is parametrised with; `auth` asks callers."""
    names = request.param.split()
    overlays = [f"deploy/patterns/{name}.yml" for name in names if name != "auth"]
    asks = {"AUTH_ENABLED": "true", "AUTH_TOKENS_FILE": TOKENS_FILE} if "auth" in names else {}
    callers = [
        {"sha256": hashlib.sha256(token.encode()).hexdigest(), "client": client}
        for client, token in TOKENS.items()
    ]
    (tmp_path / "auth_tokens").write_text(yaml.safe_dump(callers))
    # By turns: the next request of a client is for the next replica, unless it is kept from that.
    settings = {"LB_BALANCE": "roundrobin", **asks}
    yield from _deployed(_cluster_of_one(request), tmp_path, *overlays, **settings)


@pytest.fixture
def peers(lab: Lab, tmp_path: Path) -> Iterator[Deployment]:
    """sticky-peers on three nodes, whose names the balancers are told: here no DNS knows them."""
    cluster = lab.cluster(3)
    names = [network.namespace(node.number) for node in lab.nodes]
    hosts = [f"{name}:{at}" for name, at in zip(names, cluster.addresses, strict=True)]
    known = tmp_path / "names.yml"
    known.write_text(yaml.safe_dump({"version": "3.9", "services": {"lb": {"extra_hosts": hosts}}}))
    overlays = ("deploy/patterns/sticky-peers.yml", str(known))
    settings = {f"LB_PEER_{number}": name for number, name in enumerate(names, 1)}
    yield from _deployed(cluster, tmp_path, *overlays, LB_BALANCE="roundrobin", **settings)


def _cluster_of_one(request: pytest.FixtureRequest) -> Cluster:
    """This laptop's own engine where one answers, else the lab's first node."""
    engine = Engine()
    if engine.answers():
        images.build(engine)
        return Cluster([engine], ["127.0.0.1"])
    lab: Lab = request.getfixturevalue("lab")
    return lab.cluster(1)


@pytest.fixture(scope="module")
def composed(request: pytest.FixtureRequest) -> Iterator[Composed]:
    """The laptop's services, from an engine that does not have the project's image yet."""
    try:
        program = compose.program()
    except CommandError as error:
        absent(f"this needs Docker Compose 2: {error}")
    composed = Composed(Engine(), program)
    if not composed.engine.answers():
        lab: Lab = request.getfixturevalue("lab")
        inside = ("nsenter", f"--net=/run/netns/{network.namespace(1)}")
        composed = Composed(lab.nodes[0].engine, program, inside)
        images.untag(composed.engine)
    if found := composed.found():
        pytest.fail(f"not over what you have here: {', '.join(found)}. Remove it first.")
    try:
        composed.up()
        yield composed
    finally:
        composed.compose("down", "--volumes")
    assert composed.found() == []


@pytest.fixture(scope="module")
def three_nodes(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The stack on a Swarm of three nodes, balanced by turns: only then is the spread even.

    By the fewest connections, the default, replicas get as much as they are fast, and here they
    share two cores with each other, the balancers and the load tester.
    """
    secrets = tmp_path_factory.mktemp("secrets")
    yield from _deployed(lab.cluster(3), secrets, LB_BALANCE="roundrobin")


def _deployed(
    cluster: Cluster, secrets: Path, *overlays: str, **settings: str
) -> Iterator[Deployment]:
    cluster.form()
    deployment = Deployment(cluster, secrets)
    try:
        if found := deployment.found():
            pytest.fail(f"not over what you have here: {', '.join(found)}. Remove it first.")
        deployment.deploy(*overlays, **settings)
        yield deployment
        deployment.remove()
    finally:
        cluster.dissolve()
