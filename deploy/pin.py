"""``python3 -m deploy.pin``: writes the images that others make into service.env, with their digests.

A tag can be moved to another image; a digest cannot. Each image is pulled, which needs its registry,
and the line `REDIS_IMAGE=redis:8.2.2@sha256:…` is what the registry said it is. Run it again after a
change of version, which is the tag in that line.
"""

import argparse
import re
import sys
from pathlib import Path

from deploy import service_env
from deploy.docker import DeployError, docker

# Variable → the file with its default image.
IMAGES = {
    "HAPROXY_IMAGE": "stack.yml",
    "REDIS_IMAGE": "stack.yml",
    "POSTGRES_IMAGE": "stack.yml",
    "PYTHON_IMAGE": "server/Dockerfile",
}


def main() -> int:
    """Runs the command line; exit code 0, or 3 where an image cannot be resolved."""
    parser = argparse.ArgumentParser(prog="python3 -m deploy.pin", description=__doc__)
    parser.add_argument("--env", type=Path, default=service_env.DEFAULT, help="the service.env")
    env = parser.parse_args().env
    try:
        listed = service_env.read(env)
        # All of them, before the file is touched.
        pinned = {name: resolve(listed.get(name) or default(name)) for name in IMAGES}
        write(env, pinned)
    except (DeployError, OSError, ValueError) as error:
        print(f"pin: {error}", file=sys.stderr)
        return 3
    print("\n".join(f"{name}={image}" for name, image in pinned.items()))
    return 0


def default(name: str) -> str:
    """Returns the image that is taken where ``name`` is not set."""
    text = (service_env.ROOT / IMAGES[name]).read_text()
    found = re.search(rf"\$\{{{name}:-([^}}]+)\}}|^ARG {name}=(\S+)$", text, re.MULTILINE)
    if not found:
        raise ValueError(f"{IMAGES[name]} has no default for {name}")
    image = found[1] or found[2]
    for argument, value in re.findall(r"^ARG (\w+)=(\S+)$", text, re.MULTILINE):
        image = image.replace(f"${{{argument}}}", value)
    return str(image)


def resolve(image: str) -> str:
    """Returns the image's name with the digest that its registry has for the tag today."""
    tagged = image.partition("@")[0]
    docker("pull", "--quiet", tagged, timeout=600)
    digests = docker("image", "inspect", "--format", '{{join .RepoDigests "\\n"}}', tagged).split()
    if not digests:
        raise DeployError(f"{tagged} has no digest: no registry has it. Next: push it to one")
    return f"{tagged}@{digests[0].partition('@')[2]}"


def write(env: Path, images: dict[str, str]) -> None:
    """Sets the variables in the file, each in its line, or in a new one at the end."""
    lines = env.read_text().splitlines()
    for name, image in images.items():
        places = [n for n, line in enumerate(lines) if re.fullmatch(rf"{name}(=.*)?", line.strip())]
        at = slice(places[0], places[0] + 1) if places else slice(len(lines), None)
        lines[at] = [f"{name}={image}"]
    env.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
