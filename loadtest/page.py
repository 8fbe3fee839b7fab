"""The report as one HTML file."""

from __future__ import annotations

from typing import Any


def render(run: dict[str, Any]) -> str:
    """The whole page."""
    return f"<!doctype html><title>{run['started']}</title>"
