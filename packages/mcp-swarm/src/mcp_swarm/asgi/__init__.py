"""HTTP middleware, one a file, in pure ASGI: streams pass through it untouched."""
