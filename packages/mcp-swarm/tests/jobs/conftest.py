"""Fixtures of the job tests."""

from lab.jobs.team import *  # noqa: F403
