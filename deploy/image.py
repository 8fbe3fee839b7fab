"""The image of replicas and workers: its name changes when its content does.

Swarm compares names. Under one constant tag a second deploy would change nothing.
"""

import hashlib
import re
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

from deploy.docker import docker_shown

# What the Dockerfile copies (.dockerignore): nothing else can change the image.
SOURCES = ("pyproject.toml", "uv.lock", "vendor", "packages", "server")
_LEFT_OUT = re.compile(r"(^|/)(__pycache__|\.pytest_cache)(/|$)|\.pyc$")


def build(root: Path, settings: Mapping[str, str]) -> str:
    """Builds the image of the tree at ``root`` and returns its name.

    A repository with the name of a registry in it is pushed to: other nodes pull from there.

    Raises:
        DeployError: the build or the push failed.
    """
    repository = settings.get("IMAGE_REPOSITORY") or "mcp-swarm"
    arguments = {"PYTHON_IMAGE": settings.get("PYTHON_IMAGE", "")}
    given = [f"--build-arg={name}={value}" for name, value in arguments.items() if value]
    tag = content_tag(root, "".join(given))
    name = f"{repository}:{tag}"
    # The plain version too: it is what `docker stack deploy` and Compose take by themselves.
    names = ["-t", name, "-t", f"{repository}:{_version(root)}"]
    labels = [f"--build-arg=VERSION={_version(root)}", f"--build-arg=REVISION={tag}"]
    file = ["-f", str(root / "server" / "Dockerfile")]
    docker_shown("build", *file, *names, *given, *labels, str(root))
    if is_remote(name):
        docker_shown("push", name)
    return name


def content_tag(root: Path, more: str = "") -> str:
    """Returns the version, the last commit that changed the image, and a hash where it is dirty.

    Args:
        root: the project's folder.
        more: what else the image is made of; a hash of it is in the tag where it is not empty.
    """
    parts = [_version(root)]
    commit = _git(root, "log", "-1", "--format=%h", "--abbrev=12", "--", *SOURCES)
    if commit:
        parts.append(commit)
    if not commit or more or _is_dirty(root):
        parts.append(_hash(root, more))
    return "-".join(parts)


def is_remote(name: str) -> bool:
    """Whether the image's name begins with a registry: `registry.example.com/…`, `localhost:5000/…`."""
    host, slash, _ = name.partition("/")
    return bool(slash) and bool(re.search(r"[.:]", host) or host == "localhost")


def _version(root: Path) -> str:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def _is_dirty(root: Path) -> bool:
    """Whether a file that goes into the image differs from the commit, or Git ignores it."""
    listed = _git(root, "status", "--porcelain", "--ignored=matching", "--", *SOURCES)
    return any(not _LEFT_OUT.search(line[3:].strip('"')) for line in listed.splitlines())


def _hash(root: Path, more: str) -> str:
    """Returns 12 digits that change with any file of the image: its name, mode or content."""
    digest = hashlib.sha256(more.encode())
    for source in SOURCES:
        top = root / source
        for path in sorted(top.rglob("*")) if top.is_dir() else [top] * top.exists():
            name = path.relative_to(root).as_posix()
            if _LEFT_OUT.search(name) or path.is_dir():
                continue
            content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
            executable = bool(path.lstat().st_mode & 0o100)
            digest.update(f"{name}\0{executable}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]


def _git(root: Path, *arguments: str) -> str:
    """Returns what Git prints; nothing where there is no Git or no repository."""
    order = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(order, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.rstrip() if done.returncode == 0 else ""
