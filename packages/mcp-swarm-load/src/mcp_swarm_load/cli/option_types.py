"""What the command lines' flags may be given: each function reads one, or says what is wrong."""

from __future__ import annotations

import argparse
import json
import re
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

DEFAULT_URL = "http://localhost:8150/mcp"

# They are the connection's or the protocol's: twice would make the request a wrong one.
_OUR_OWN = {
    *("host", "connection", "content-length", "content-type", "transfer-encoding", "accept"),
    *("accept-encoding", "user-agent", "expect", "mcp-session-id", "mcp-protocol-version"),
    *("mcp-method", "mcp-name"),
}


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


def header(text: str) -> tuple[str, str]:
    """The name and value of ``Name: value``; the value, perhaps a secret, is in no error."""
    name, colon, value = text.partition(":")
    value = value.strip()
    if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
        raise argparse.ArgumentTypeError("expected a header, as in 'X-Api-Key: value'")
    if name.lower() in _OUR_OWN:
        raise argparse.ArgumentTypeError(f"{name}: it is sent already, and cannot be another")
    if not value.isascii() or not value.isprintable():
        raise argparse.ArgumentTypeError(f"{name}: expected a value of printable ASCII")
    return name, value


def ca(text: str) -> str:
    """A file of certificates that are trusted, as PEM."""
    try:
        tls(text)
    except OSError as error:  # ssl.SSLError is one
        reason = getattr(error, "reason", None) or error.strerror or error
        raise argparse.ArgumentTypeError(
            f"cannot read certificates from {text}: {reason}. Expected PEM"
        ) from None
    return text


def tls(ca: str | None) -> ssl.SSLContext:
    """Trusts the certificates in the file `ca` and no others, by default those of the system."""
    return ssl.create_default_context(cafile=ca)


def misfit(given: argparse.Namespace) -> str:
    """What in --url, --token, --header and --ca does not go together; else an empty string."""
    names = [name.lower() for name, _ in given.header]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        return f"--header {doubled[0]} twice: give one of them"
    tokens = [name for name in ("token", "tokens") if getattr(given, name, None)]
    if "authorization" in names and tokens:
        return f"--header Authorization with --{tokens[0]}: give one of the two"
    if given.ca and given.url.scheme != "https":
        return (
            f"--ca with {given.url.scheme}://: there is no certificate to check; give an https URL"
        )
    return ""


def add_access(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say where a target is and how one is let in."""
    add = parser.add_argument
    add("--url", type=url, default=DEFAULT_URL, help=f"MCP endpoint (default {DEFAULT_URL})")
    add("--token", type=token, help="bearer token, or @FILE that holds it")
    add("--header", type=header, action="append", default=[], metavar="'NAME: VALUE'",
        help="send this header too; may be given several times")  # fmt: skip
    add("--ca", type=ca, metavar="FILE",
        help="trust the certificates in this PEM file and no others")  # fmt: skip


def replicas(text: str) -> tuple[int, tuple[str, ...]]:
    if text.isdecimal() and int(text) > 0:
        return int(text), ()
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names or text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number above 0, or names")
    return len(names), names
