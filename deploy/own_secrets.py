"""Secrets of a service's own: the file ``own/crm_token`` in its secrets is the setting ``CRM_TOKEN``.

Replicas and workers get each as a Docker secret, and the variable that names its file.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deploy.names import content_hash
from deploy.service_env import FIXED

FOLDER = "own"
# The services whose containers run the server, by their line in a Compose file.
_SERVERS = re.compile(r"^  (mcp|worker|mcp-live):$", re.MULTILINE)
# The account in the image.
_ACCOUNT = "10001"
_READ_BY_OWNER = 0o400


def files(secrets: Path) -> dict[str, Path]:
    """Returns setting → file, in the order of their names.

    Raises:
        ValueError: a file's name is that of no setting, or of one that the stack sets.
    """
    found = {}
    for path in sorted((secrets / FOLDER).glob("[!.]*")):
        name = path.name.upper()
        if not path.is_file() or not re.fullmatch(r"[a-z][a-z0-9_]*", path.name):
            raise ValueError(
                f"{path}: expected a file that is named like its setting, in lower case: crm_token"
            )
        if name in FIXED:
            raise ValueError(
                f"{path}: the stack sets {name}. Next: write it to {secrets}/{path.name}"
            )
        found[name] = path
    return found


def variables(secrets: Path) -> dict[str, str]:
    """Returns the variables that name the files here, for replicas that are no containers."""
    return {f"{name}_FILE": str(path.resolve()) for name, path in files(secrets).items()}


def overlay(secrets: Path, stack: str, compose: Iterable[Path]) -> str:
    """Returns a Compose file in JSON, which is YAML; empty if there are no such secrets.

    Args:
        secrets: the folder of all secrets.
        stack: the stack's name.
        compose: the files that it lies over.

    Raises:
        ValueError: as ``files``.
    """
    found = files(secrets)
    if not found:
        return ""
    servers = sorted({name for file in compose for name in _SERVERS.findall(file.read_text())})
    return json.dumps(
        {
            "version": "3.9",
            "services": {server: _mounted(found) for server in servers},
            "secrets": {
                f"own_{path.name}": {
                    "name": f"{stack}-own-{path.name}-{content_hash(path.read_bytes())}",
                    "file": str(path.resolve()),
                }
                for path in found.values()
            },
        }
    )


def _mounted(found: Mapping[str, Path]) -> dict[str, Any]:
    return {
        "environment": {f"{name}_FILE": f"/run/secrets/{found[name].name}" for name in found},
        "secrets": [
            {
                "source": f"own_{path.name}",
                "target": path.name,
                "uid": _ACCOUNT,
                "gid": _ACCOUNT,
                "mode": _READ_BY_OWNER,
            }
            for path in found.values()
        ],
    }
