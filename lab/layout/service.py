"""The recorded service: its settings, its only caller, and its processes."""

import hashlib
from pathlib import Path
from typing import Any

TOKEN = "of-the-recorded-caller"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
# Not random: what it has encrypted is recorded, and must be read later.
KEY = hashlib.sha256(b"of the recorded service").hexdigest()


def settings(folder: Path, redis_url: str, **more: Any) -> dict[str, Any]:
    """Of a replica or worker. `folder` gets the file of callers."""
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    callers = folder / "callers.yml"
    callers.write_text(f"- sha256: {digest}\n  client: recorded\n  tenant: recorded\n")
    return {
        "packages": ("lab.layout.sample",),
        "REDIS_URL": redis_url,
        "MCP_REQUEST_STATE_KEYS": KEY,
        "MCP_STATELESS_HTTP": "false",
        "MCP_JSON_RESPONSE": "false",
        "MCP_TASK_REDELIVERY_SECONDS": 1,
        "MCP_TASK_ATTEMPTS": 2,
        "AUTH_ENABLED": "true",
        "AUTH_TOKENS_FILE": callers,
        **more,
    }
