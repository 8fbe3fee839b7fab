"""Runs the `docker` command line: the one way in which this package talks to an engine."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

MISSING = "docker is not installed. Next: install Docker Engine"


class DeployError(RuntimeError):
    """The deploy cannot go on; the message says why, and what to do next."""


def docker(*arguments: str, env: Mapping[str, str] | None = None, timeout: float = 120) -> str:
    """Returns what ``docker ARGUMENTS`` prints, stripped.

    Raises:
        DeployError: with Docker's own words.
    """
    line = f"docker {' '.join(arguments)}"[:200]
    try:
        done = subprocess.run(
            ["docker", *arguments],
            env=env,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise DeployError(MISSING) from None
    except subprocess.TimeoutExpired:
        raise DeployError(f"{line}: no answer after {timeout:g} s") from None
    if done.returncode:
        raise DeployError(f"{line}: {done.stderr.strip() or f'exit {done.returncode}'}")
    return done.stdout.strip()


def last_lines(task: str, lines: int) -> list[str]:
    """Returns the last lines that a task wrote; none where its node has let go of it."""
    order = ["docker", "service", "logs", "--raw", "--tail", str(lines), task]
    try:
        done = subprocess.run(
            order,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=20,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return []
    return done.stdout.splitlines()[-lines:] if done.returncode == 0 else []


def docker_shown(*arguments: str) -> None:
    """Runs ``docker ARGUMENTS`` and lets it print, as a build or a push does for minutes.

    Raises:
        DeployError: it failed; the reason stands above.
    """
    try:
        code = subprocess.run(["docker", *arguments], check=False).returncode
    except FileNotFoundError:
        raise DeployError(MISSING) from None
    if code:
        raise DeployError(f"docker {arguments[0]} failed, see above")


def inspected(kind: str, names: list[str]) -> list[dict[str, Any]]:
    """Returns Docker's description of each object, or nothing for no names."""
    if not names:
        return []
    found: list[dict[str, Any]] = json.loads(docker("inspect", "--type", kind, *names))
    return found
