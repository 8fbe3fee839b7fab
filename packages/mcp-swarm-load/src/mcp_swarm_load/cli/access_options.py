"""The options that say where a target is and how to access it; both programs have them."""

from __future__ import annotations

import argparse
import re

from mcp_swarm_load.cli.option_types import DEFAULT_URL, token, url
from mcp_swarm_load.target.tls import tls_context

# The connection or the protocol sets these. A second one would make a request invalid.
_RESERVED = {
    *("host", "connection", "content-length", "content-type", "transfer-encoding", "accept"),
    *("accept-encoding", "user-agent", "expect", "mcp-session-id", "mcp-protocol-version"),
    *("mcp-method", "mcp-name"),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds --url, --token, --header and --ca."""
    add = parser.add_argument
    add("--url", type=url, default=DEFAULT_URL, help=f"MCP endpoint (default {DEFAULT_URL})")
    add("--token", type=token, help="bearer token, or @FILE to read it from")
    add("--header", type=header, action="append", default=[], metavar="'NAME: VALUE'",
        help="send this header with every request; may be repeated")  # fmt: skip
    add("--ca", type=ca, metavar="FILE",
        help="trust only the certificates in this PEM file")  # fmt: skip


def contradiction(given: argparse.Namespace) -> str:
    """Returns which access options contradict each other; empty if none do."""
    names = [name.lower() for name, _ in given.header]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        return f"--header {repeated[0]} twice: give it once"
    tokens = [name for name in ("token", "tokens") if getattr(given, name, None)]
    if "authorization" in names and tokens:
        return f"--header Authorization with --{tokens[0]}: give one of the two"
    if given.ca and given.url.scheme != "https":
        return f"--ca with {given.url.scheme}://: there is no certificate; give an https URL"
    return ""


def header(text: str) -> tuple[str, str]:
    """Parses `Name: value`. No error shows the value, because it may be a secret."""
    name, colon, value = text.partition(":")
    value = value.strip()
    if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
        raise argparse.ArgumentTypeError("expected a header such as 'X-Api-Key: value'")
    if name.lower() in _RESERVED:
        raise argparse.ArgumentTypeError(f"{name}: this program sets it; give another header")
    if not value.isascii() or not value.isprintable():
        raise argparse.ArgumentTypeError(f"{name}: expected a value of printable ASCII")
    return name, value


def ca(text: str) -> str:
    """Returns the path of a PEM file with trusted certificates, after reading it."""
    try:
        tls_context(text)
    except OSError as error:  # ssl.SSLError is one
        reason = getattr(error, "reason", None) or error.strerror or error
        raise argparse.ArgumentTypeError(
            f"cannot read certificates from {text}: {reason}. Expected PEM"
        ) from None
    return text
