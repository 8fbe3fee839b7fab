"""Telemetry: the log, the access log, the record of each call, and tracing."""
