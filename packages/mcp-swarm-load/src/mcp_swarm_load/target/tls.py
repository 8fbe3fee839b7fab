"""TLS of connections to a target."""

from __future__ import annotations

import ssl


def tls_context(ca: str | None) -> ssl.SSLContext:
    """Returns a context that trusts only the certificates in the file `ca`.

    Without `ca` it trusts the system's certificates. Raises OSError if the file cannot be read.
    """
    return ssl.create_default_context(cafile=ca)
