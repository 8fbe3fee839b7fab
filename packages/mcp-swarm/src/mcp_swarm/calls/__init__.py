"""Middleware around calls: timeout, concurrency limit, dropped messages, store errors."""
