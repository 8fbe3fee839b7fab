"""Builds calls, sends them for their callers and checks their answers."""
