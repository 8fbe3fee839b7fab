"""Fixtures of the lab: replicas, Valkey, PostgreSQL, HTTP clients."""

from lab.fixtures import *  # noqa: F403

# The files of a copy and of an example: their tests run there.
collect_ignore = ["copy/project", "feature/files"]
