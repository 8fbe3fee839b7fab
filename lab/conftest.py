"""Fixtures of the lab: replicas, Valkey, PostgreSQL, HTTP clients."""

from lab.fixtures import *  # noqa: F403

# The files that a stranger adds to a copy; its tests run there.
collect_ignore = ["copy/project"]
