"""Runs the programs that the lab is made with (docker, ip, unshare, apt-get)."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

# The project's root: where stack.yml is, and what the image is built from.
PROJECT = Path(__file__).resolve().parents[2]


class CommandError(RuntimeError):
    """A program failed; the message has its command line, exit code and last words."""


def run(
    *command: str,
    timeout: float = 120,
    env: Mapping[str, str] | None = None,
    cwd: Path = PROJECT,
    stdin: str | None = None,
) -> str:
    """Runs ``command`` and gives its standard output, stripped.

    Raises:
        CommandError: it is not installed, failed, or took longer than ``timeout`` seconds.
    """
    line = " ".join(command)[:300]
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise CommandError(f"{command[0]} is not installed, wanted for: {line}") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(
            f"no end after {timeout:.0f} s: {line}\n{_tail(error.stderr)}"
        ) from error
    if done.returncode != 0:
        raise CommandError(f"exit {done.returncode}: {line}\n{_tail(done.stderr or done.stdout)}")
    return done.stdout.strip()


def _tail(output: str | bytes | None) -> str:
    text = output.decode(errors="replace") if isinstance(output, bytes) else output or ""
    return "\n".join(text.strip().splitlines()[-15:])
