"""What a deploy prints at its end: how to call the service."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

OFF = ("false", "0", "no", "off", "f", "n")


def is_open(settings: Mapping[str, str]) -> bool:
    """Whether AUTH_ENABLED says that anyone may call. Unset, a deployed service asks for a token."""
    return settings.get("AUTH_ENABLED", "").lower() in OFF


def how_to_call(settings: Mapping[str, str], secrets: Path) -> str:
    """Returns the lines to copy: a curl, an MCP client's command, a load test."""
    url = f"http://localhost:{settings.get('LB_PORT') or 8150}/mcp"
    name = settings.get("MCP_NAME") or "template-mcp"
    header, note = "", "Anyone who reaches it may call: AUTH_ENABLED=false."
    if not is_open(settings):
        token = secrets / "first_token"
        held = f"$(cat {token})" if _is_listed(token, secrets / "auth_tokens") else "TOKEN"
        header = f'"Authorization: Bearer {held}"'
        note = f"Callers are listed in {secrets / 'auth_tokens'} (docs/auth.md)."
    body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
    curl = [f"curl {url}", "-H 'Content-Type: application/json'", "-H 'Accept: application/json'"]
    claude = f"claude mcp add --transport http {name} {url}"
    load = f"make load URL={url}"
    if header:
        curl.append(f"-H {header}")
        claude += f" --header {header}"
        load += f" HEADER={header}"
    lines = [f"{' '.join(curl)} -d '{body}'", claude, load]
    return "\n".join([note, "", *(f"  {line}" for line in lines), ""])


def _is_listed(token: Path, callers: Path) -> bool:
    """Whether the token that `make secrets` made is still one of those that count."""
    if not token.exists():
        return False
    digest = hashlib.sha256(token.read_text().strip().encode()).hexdigest()
    return digest in callers.read_text()
