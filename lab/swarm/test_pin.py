"""`python -m deploy.pin` writes digests into service.env, as a real registry says them."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from deploy import service_env
from deploy.pin import IMAGES
from lab.swarm import bases, network
from lab.swarm.cluster import Cluster
from lab.swarm.commands import PROJECT, CommandError, run

pytestmark = [pytest.mark.swarm, pytest.mark.timeout(600)]

ADDRESS = "127.0.0.1:5555"
CONFIG = """version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/data}}}}
http: {{addr: {address}}}
"""


@pytest.fixture
def registry(cluster_of_one: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    """Debian's registry, where the engine reaches it as its own machine's."""
    run("apt-get", "download", "docker-registry", cwd=tmp_path, timeout=300)
    run("sh", "-c", "dpkg -x docker-registry*.deb .", cwd=tmp_path)
    (tmp_path / "config.yml").write_text(CONFIG.format(folder=tmp_path, address=ADDRESS))
    enter: list[str] = []
    if cluster_of_one.manager.socket:  # the lab's first node has a network of its own
        enter = ["nsenter", f"--net=/run/netns/{network.namespace(1)}"]
    program = [str(tmp_path / "usr/bin/docker-registry"), "serve", str(tmp_path / "config.yml")]
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen([*enter, *program], stdout=log, stderr=log)
    try:
        yield cluster_of_one
    finally:
        running.kill()
        running.wait(10)


def pinned(cluster: Cluster, env: Path) -> "subprocess.CompletedProcess[str]":
    environment = dict(os.environ)
    if cluster.manager.socket:
        environment["DOCKER_HOST"] = f"unix://{cluster.manager.socket}"
    return subprocess.run(
        [sys.executable, "-m", "deploy.pin", "--env", str(env)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def test_each_image_is_written_with_its_digest(registry: Cluster, tmp_path: Path) -> None:
    """And stays what it was when somebody moves the tag; without a registry nothing is written."""
    engine = registry.manager
    first, other = bases.wanted()["redis"], bases.wanted()["haproxy"]
    names = {variable: f"{ADDRESS}/{variable.lower()}:1.0" for variable in IMAGES}
    env = tmp_path / "staging.env"
    env.write_text("# mine\nSTACK_NAME=staging\n" + "".join(f"{n}={v}\n" for n, v in names.items()))
    before = env.read_text()
    refused = pinned(registry, env)
    assert refused.returncode == 3, refused.stdout
    assert env.read_text() == before
    for name in names.values():
        engine.docker("tag", first, name)
        _push(registry, name)

    done = pinned(registry, env)
    assert done.returncode == 0, done.stderr
    images = service_env.read(env)
    assert images["STACK_NAME"] == "staging"
    assert env.read_text().startswith("# mine\n")
    for variable, name in names.items():
        image = images[variable] or ""
        assert image.startswith(f"{name}@sha256:")
        engine.docker("tag", other, name)
        _push(registry, name)
        engine.docker("pull", "-q", image)
        assert _id(registry, image) == _id(registry, first)

    assert pinned(registry, env).returncode == 0
    assert service_env.read(env)["REDIS_IMAGE"] != images["REDIS_IMAGE"]


def _id(cluster: Cluster, image: str) -> str:
    return cluster.manager.docker("image", "inspect", "--format", "{{.Id}}", image)


def _push(cluster: Cluster, name: str) -> None:
    """Pushes; the registry may not listen yet."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(CommandError):
            cluster.manager.docker("push", "-q", name)
            return
        time.sleep(0.5)
    cluster.manager.docker("push", "-q", name)
