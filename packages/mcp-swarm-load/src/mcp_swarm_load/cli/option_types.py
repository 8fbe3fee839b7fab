"""Types of command-line options. Each function parses one value or says what is wrong."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

DEFAULT_URL = "http://localhost:8150/mcp"


def url(text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        known = url.scheme in ("http", "https") and url.hostname and (url.port or 1) > 0
    except ValueError:
        known = False
    if not known or any(mark.isspace() or not mark.isascii() for mark in text):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a URL such as {DEFAULT_URL}")
    return url


def count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, 1 or more")
    return int(text)


def positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number above 0")
    return value


def json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a JSON object, as in '{{\"n\": 1}}'")
    return value


def token(text: str) -> str:
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise argparse.ArgumentTypeError(f"cannot read the token: {error}") from None
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise argparse.ArgumentTypeError("expected a token of printable ASCII without spaces")
    return text


def replicas(text: str) -> tuple[int, tuple[str, ...]]:
    if text.isdecimal() and int(text) > 0:
        return int(text), ()
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names or text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number above 0, or names")
    return len(names), names
