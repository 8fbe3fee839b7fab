"""Fixtures of the lab: replicas, Valkey, PostgreSQL, HTTP clients."""

from lab.fixtures import *  # noqa: F403
