"""Encryption of job data in Redis: AES-256-GCM, keys derived from ``MCP_REQUEST_STATE_KEYS``.

The first key encrypts and every key decrypts, so keys rotate as those of input rounds do. The job id
and the field name are authenticated too: a value copied to another job cannot be decrypted.
"""

import json
import zlib
from collections.abc import Sequence
from typing import Any

_PURPOSE = b"mcp-swarm jobs 1"  # HKDF's info: keys for another purpose differ (RFC 5869 §3.2)
_NONCE = 12  # bytes, NIST SP 800-38D §8.2.2


class DecryptionError(Exception):
    """None of our keys decrypts the value, or the value belongs to another job or field."""


class RecordCipher:
    """Encrypts and decrypts JSON values.

    Args:
        secrets: at least one, each of 32 bytes or more; the first one encrypts.
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
        """Returns `value` as JSON, compressed and encrypted, bound to `context`."""
        import os

        nonce = os.urandom(_NONCE)
        content = zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 1)
        return nonce + self._keys[0].encrypt(nonce, content, context.encode())

    def decrypt(self, encrypted: bytes, context: str) -> Any:
        """Returns the value that was encrypted for `context`.

        Raises:
            DecryptionError: it was encrypted with another key, or for another context.
        """
        from cryptography.exceptions import InvalidTag

        for key in self._keys:
            try:
                content = key.decrypt(encrypted[:_NONCE], encrypted[_NONCE:], context.encode())
            except InvalidTag:
                continue
            return json.loads(zlib.decompress(content))
        raise DecryptionError(
            f"The record field {context} cannot be decrypted. Next: give every replica and worker "
            "the same MCP_REQUEST_STATE_KEYS; list the old key after the new one while you rotate."
        )
