"""``make newest``: would an upgrade of the libraries hold? Exit 0 yes, 1 a test fails, 2 not tried.

It tries the newest versions that our constraints allow; then the newest FastMCP, SDK and Docket that
there are, above our upper bounds.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from lab.newest.environment import Environment, moves
from lab.newest.outcome import failures

# Those whose private names we use. The extras of ours count where they are asked for together.
ABOVE = ("fastmcp", "mcp", "pydocket")
EXTRAS = {"fastmcp": "fastmcp[tasks]"}


def main() -> int:
    """Tries both; returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="newest-") as name:
        environment = Environment(Path(name))
        try:
            found = [*_allowed(environment), *_above(environment)]
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    print("\neverything holds" if not found else f"\n{len(found)} findings")
    return 1 if found else 0


def _allowed(environment: Environment) -> list[str]:
    before = environment.locked
    environment.install_newest_allowed()
    _told("What our constraints allow", moves(before, environment.installed))
    return _tested(environment)


def _above(environment: Environment) -> list[str]:
    before = environment.installed
    environment.install_newest(ABOVE)
    after = environment.installed
    moved = moves(before, after)
    _told(f"The newest {', '.join(ABOVE)}, above our upper bounds", moved)
    if not moved:
        return []
    if conflict := environment.conflict([f"{EXTRAS.get(p, p)}=={after[p]}" for p in ABOVE]):
        print(f"They cannot be had together, so they are tried in spite of it: {conflict}")
    return _tested(environment)


def _tested(environment: Environment) -> list[str]:
    found = failures(environment.python, environment.folder)
    _told("Tests that fail", found)
    return found


def _told(title: str, lines: list[str]) -> None:
    print(f"\n{title}:", *(lines or ["nothing"]), sep="\n  ", flush=True)


if __name__ == "__main__":
    sys.exit(main())
