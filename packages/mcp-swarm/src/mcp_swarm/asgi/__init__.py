"""HTTP middleware in pure ASGI, one per file. Streams pass through it unchanged."""
