"""Callers whose tokens are good, expired, or not valid yet."""

import hashlib
from datetime import UTC, datetime, timedelta


def at(**offset) -> str:
    return (datetime.now(UTC) + timedelta(**offset)).strftime("%Y-%m-%dT%H:%M:%SZ")


CALLERS = "\n".join(
    f"- {{sha256: {hashlib.sha256(token.encode()).hexdigest()}, client: c{more}}}"
    for token, more in {
        "good": "",
        "old": f", expires_at: {at(days=-1)}",
        "early": f", not_before: {at(days=1)}",
    }.items()
)
