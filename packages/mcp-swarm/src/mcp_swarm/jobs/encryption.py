"""Sealing of what a job holds in Redis: AES-256-GCM, keys derived from ``MCP_REQUEST_STATE_KEYS``.

The first key seals, all open, so keys rotate as those of input rounds do. What a value belongs to
(job and field) is authenticated with it: a value moved to another job does not open.
"""

import json
import zlib
from collections.abc import Sequence
from typing import Any

_PURPOSE = b"mcp-swarm jobs 1"  # another purpose gives other keys (RFC 5869 §3.2)
_NONCE = 12  # bytes, NIST SP 800-38D §8.2.2


class DecryptionError(Exception):
    """A value that none of our keys opens, or that was written for another place."""


class RecordCipher:
    """Turns JSON values into bytes that only holders of the keys read or make.

    Args:
        secrets: at least one, 32 bytes or more each; the first seals.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        self._keys = [
            AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret))
            for secret in secrets
        ]

    def encrypt(self, value: Any, context: str) -> bytes:
        """`value` (JSON) for `context`, compressed, then sealed."""
        import os

        nonce = os.urandom(_NONCE)
        content = zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 1)
        return nonce + self._keys[0].encrypt(nonce, content, context.encode())

    def decrypt(self, encrypted: bytes, context: str) -> Any:
        """The value that was sealed for `context`.

        Raises:
            DecryptionError: it was not sealed by one of our keys, or not for this place.
        """
        from cryptography.exceptions import InvalidTag

        for key in self._keys:
            try:
                content = key.decrypt(encrypted[:_NONCE], encrypted[_NONCE:], context.encode())
            except InvalidTag:
                continue
            return json.loads(zlib.decompress(content))
        raise DecryptionError(
            f"What is stored as {context} cannot be opened. Every replica and worker needs the same "
            "MCP_REQUEST_STATE_KEYS, the old one listed behind the new one while they change."
        )
