"""The life of the process: start, port, health and graceful stop."""
