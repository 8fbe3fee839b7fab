"""Makes the secrets that stack.yml deploys: ``make secrets``, or ``python3 deploy/make_secrets.py [FOLDER]``.

Writes the missing files of ``secrets/`` and never touches one that is there. The two URLs are
made from the passwords, so a password you put there yourself is the one that is used.
Standard library only, so that it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote


def _random(_: Path) -> str:
    return secrets.token_urlsafe(32)


# File name → its content, made from the folder's other files. Passwords before their URLs.
RECIPES: dict[str, Callable[[Path], str]] = {
    "postgres_password": _random,
    "redis_password": _random,
    "database_url": lambda folder: (
        f"postgresql+asyncpg://mcp:{_quoted(folder / 'postgres_password')}@postgres:5432/mcp"
    ),
    "redis_url": lambda folder: f"redis://mcp:{_quoted(folder / 'redis_password')}@redis:6379/0",
    # One key a line: the first seals, all open. To rotate: add a new one below, deploy, move it
    # up, deploy, take the old one away, deploy.
    "request_state_keys": _random,
    # The first caller reads the token here. The server gets its hash alone.
    "first_token": _random,
    "auth_tokens": lambda folder: _caller(folder / "first_token"),
}


def make(folder: Path) -> list[str]:
    """Writes the missing secrets into ``folder``, for the owner's eyes only.

    Returns:
        The names of the files written, in order.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    written = []
    for name, recipe in RECIPES.items():
        path = folder / name
        if name == "first_token" and (folder / "auth_tokens").exists():
            continue  # the callers are listed; nobody would use one more
        if path.exists():
            if not path.read_text().strip():
                raise ValueError(f"{path} is empty. Fill it in, or delete it to have it made.")
            continue
        content = recipe(folder)
        # O_EXCL: of two runs at once, one writes and the other says so.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        written.append(name)
    return written


def _caller(token: Path) -> str:
    """A list of one caller, as docs/auth.md has it."""
    digest = hashlib.sha256(token.read_text().strip().encode()).hexdigest()
    return f"# Who may call: docs/auth.md. This one's token is in {token.name}.\n- sha256: {digest}\n  client: first\n"


def _quoted(path: Path) -> str:
    return quote(path.read_text().strip(), safe="")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; exit code 0, or 3 where the files cannot be written."""
    parser = argparse.ArgumentParser(description="Make the secrets that stack.yml deploys.")
    default = Path(__file__).resolve().parent.parent / "secrets"
    parser.add_argument("folder", nargs="?", type=Path, default=default)
    folder: Path = parser.parse_args(arguments).folder
    try:
        written = make(folder)
    except (OSError, ValueError) as error:
        print(f"secrets: {error}", file=sys.stderr)
        return 3
    kept = [name for name in RECIPES if name not in written]
    print(
        f"secrets: {folder}: made {', '.join(written) or 'none'}; kept {', '.join(kept) or 'none'}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
