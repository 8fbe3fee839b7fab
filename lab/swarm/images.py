"""Builds the project's image and hands all images to the nodes."""

import shutil
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab.swarm import bases, interpreter
from lab.swarm.commands import PROJECT, run
from lab.swarm.engine import Engine
from lab.swarm.node import Node


def name() -> str:
    """The image's name as stack.yml has it by default."""
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    return f"mcp-swarm:{version}"


def build(engine: Engine, *options: str, root: Path = PROJECT) -> None:
    """Builds the unchanged Dockerfile of the project, or of a copy."""
    file = ("-f", str(root / "server" / "Dockerfile"), *(("-t", name()) if root == PROJECT else ()))
    engine.docker("build", *options, *file, str(root), timeout=900)


def untag(engine: Engine) -> None:
    """Leaves ``engine`` the image's layers without its name, as though it had built another.

    Building it again then needs no package index, which a node does not reach.
    """
    name_base(engine)
    engine.docker("rmi", name())


@contextmanager
def kept(engine: Engine) -> Iterator[None]:
    """Whatever is built inside, the image's name is afterwards what it was before."""
    before = engine.docker("image", "inspect", "--format", "{{.Id}}", name())
    try:
        yield
    finally:
        engine.docker("tag", before, name())


def name_base(engine: Engine) -> None:
    """Gives the Dockerfile this machine's Python under the tag that it takes where no other is said."""
    engine.docker("tag", bases.wanted()["python"], f"python:{interpreter.image_version()}-slim")


def make_all(builder: Node, copies: Sequence[Path] = ()) -> None:
    """Starts the builder, makes base images and image in it, and stops it again.

    Stopped, its files are complete and can be copied to the nodes. Of copies they have the layers.
    """
    builder.start()
    builder.wait()
    bases.provide(builder.engine)
    # The machine's own network: the builder has no bridge.
    options = ("--network=host", f"--build-arg=PYTHON_VERSION={interpreter.of_image().version}")
    for root in (PROJECT, *copies):
        build(builder.engine, *options, root=root)
    builder.stop()


def hand_over(builder: Node, node: Node) -> None:
    """Gives ``node``, not started yet, every image of the builder.

    The layers are linked, not copied: an engine never writes into one. That takes a second
    where ``docker save | docker load`` takes half a minute a node.
    """
    node.data.mkdir(parents=True)
    run("cp", "-a", str(builder.data / "image"), str(node.data))
    run("cp", "-al", str(builder.data / "overlay2"), str(node.data))
    shutil.rmtree(node.data / "overlay2" / "l")
    run("cp", "-a", str(builder.data / "overlay2" / "l"), str(node.data / "overlay2"))


def drop(builder: Node) -> None:
    """Frees what only the builder held."""
    shutil.rmtree(builder.data, ignore_errors=True)
