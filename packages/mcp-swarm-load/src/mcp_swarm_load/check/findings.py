"""Runs checks, prints one line for each and counts them: ✓ passed, ✗ failed, - not offered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

CHECK_TIMEOUT_SECONDS = 30.0
"""Maximum duration of one check."""

_MAX_SHOWN, _MAX_SHOWN_WRONG = 88, 400
"""Maximum characters of what was seen that a line shows; failed checks show more."""


class WrongError(Exception):
    """A check failed. The text says what was seen."""


class NotOfferedError(Exception):
    """A check does not apply to this server. The text says why."""


def need(holds: object, seen: object) -> None:
    """Raises WrongError with what was `seen`, unless `holds` is true."""
    if not holds:
        raise WrongError(str(seen))


class Findings:
    """Runs checks, prints their lines and counts them."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0
        self.left_out = 0

    def fail(self, name: str, seen: str) -> None:
        """Counts and prints a failure that is known without a check."""
        self.failed += 1
        _print_line("✗", name, seen)

    async def check(self, name: str, work: Awaitable[str]) -> None:
        """Runs one check. `work` returns what was seen, or raises."""
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                mark, seen = "✓", await work
            self.passed += 1
        except NotOfferedError as error:
            mark, seen = "-", str(error)
            self.left_out += 1
        except Exception as error:  # any error in a check is its finding
            mark, seen = "✗", explain(error)
            self.failed += 1
        _print_line(mark, name, seen)


def _print_line(mark: str, name: str, seen: str) -> None:
    room = _MAX_SHOWN_WRONG if mark == "✗" else _MAX_SHOWN
    seen = " ".join(seen.split())
    seen = seen if len(seen) <= room else seen[: room - 1] + "…"
    print(f"  {mark} {name:<28} {seen}".rstrip(), flush=True)


def explain(error: BaseException) -> str:
    """Returns an exception as one line; for a group, its first leaf."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return f"no answer within {CHECK_TIMEOUT_SECONDS:g} s"
    if isinstance(error, WrongError):
        return str(error)
    detail: Any = getattr(error, "error", None)
    if hasattr(detail, "code"):
        return f"MCP error {detail.code}: {detail.message}"
    return f"{type(error).__name__}: {error}"
