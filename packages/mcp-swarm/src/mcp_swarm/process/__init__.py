"""The process: its start, port, health and stop."""
