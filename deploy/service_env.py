"""Reads service.env, the one file that names a service and sets its settings.

The format is that of Docker's `env_file`, so that stack.yml and docker-compose.yml read the same
file: `NAME=value` sets, `NAME` alone takes the shell's value, and there are no quotes.
"""

import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEFAULT = ROOT / "service.env"
VERSION = ROOT / "deploy" / "version.env"
# Settings of the server begin so; the shell's value counts although no file lists the name.
OURS = ("MCP_", "AUTH_")
# What the stack reads and no container.
_STACK = """
STACK_NAME PATTERN SECRETS_DIR ADVERTISE RESOLVE_IMAGE NOFILE
IMAGE_REPOSITORY MCP_IMAGE HAPROXY_IMAGE REDIS_IMAGE POSTGRES_IMAGE PYTHON_IMAGE
MCP_REPLICAS WORKER_REPLICAS LIVE_REPLICAS LIVE_PATH LIVE_TOOLS LIVE_CALL_TIMEOUT
EDGE_NETWORK OUTSIDE_NETWORK DATA_NETWORK REDIS_VOLUME POSTGRES_VOLUME REDIS_APPENDFSYNC
LB_PORT LB_BALANCE LB_REPLICAS LB_REPLICA_CALLS LB_SOURCE_CLIENTS LB_SOURCE_UPLOADS LB_THREADS
LB_PEER_1 LB_PEER_2 LB_PEER_3
"""
STACK = frozenset(_STACK.split())

_AS_FILE = "an environment is shown by `docker inspect`. Write it to {folder}/"
_OWN = "it is each replica's own: the balancer and the health check look at port 8000"
# Settings that a stack takes from elsewhere → where. They count for `make up` only.
FIXED = {
    "DATABASE_URL": _AS_FILE + "database_url",
    "REDIS_URL": _AS_FILE + "redis_url",
    "MCP_REQUEST_STATE_KEYS": _AS_FILE + "request_state_keys",
    "AUTH_TOKEN": _AS_FILE + "auth_tokens",
    "MCP_HOST": _OWN,
    "MCP_PORT": _OWN,
    "MCP_REUSE_PORT": _OWN,
    "MCP_REPLICA": _OWN,
    "MCP_FILES_VERSION": "deploy/version.env says it",
}


def read(path: Path) -> dict[str, str | None]:
    """Returns name → value; None for a name alone.

    Raises:
        ValueError: a line is none of these; naming the file and the line.
    """
    found: dict[str, str | None] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, equals, value = line.strip().partition("=")
        problem = None
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            problem = "expected NAME=value, or NAME alone"
        elif name in found:
            problem = f"{name} is set twice. Keep one of the lines"
        elif value[:1] in ("'", '"'):
            problem = f"{name} is quoted, and Docker would keep the quotes. Remove them"
        if problem:
            raise ValueError(f"{path}:{number}: {problem}")
        found[name] = value if equals else None
    return found


def merged(path: Path, shell: Mapping[str, str]) -> dict[str, str]:
    """Returns the values of the file, under those of the shell for every name that is ours.

    Raises:
        ValueError: the file cannot be read so, or a value has several lines.
    """
    listed = read(path)
    names = {
        *STACK,
        *FIXED,
        *(f"{name}_FILE" for name in FIXED),
        *listed,
        *(read(DEFAULT) if DEFAULT.exists() else {}),
    }
    names |= {name for name in shell if name.startswith(OURS)}
    values = {name: value for name, value in listed.items() if value}
    values |= {name: shell[name] for name in names if shell.get(name)}
    for name, value in values.items():
        if "\n" in value:
            raise ValueError(f"{name} has several lines. Next: separate its parts by commas")
    return values


def overridden(path: Path, shell: Mapping[str, str]) -> list[str]:
    """Returns the names for which the shell's value replaces another one of the file."""
    listed = read(path)
    return sorted(
        name for name, value in listed.items() if value and shell.get(name, value) != value
    )


def refuse_fixed(values: Mapping[str, str], folder: str) -> None:
    """Refuses what a stack would ignore.

    Raises:
        ValueError: naming the settings and where the stack takes each from.
    """
    wrong = [name for name in FIXED if values.get(name) or values.get(f"{name}_FILE")]
    if wrong:
        lines = [
            f"{name} cannot be set here: {FIXED[name].format(folder=folder)}." for name in wrong
        ]
        raise ValueError("\n".join([*lines, "Next: unset it in the shell and in service.env."]))
