"""Whoever calls, and however old its client is, follows the same job to its end."""

from lab.jobs.callers import followed


async def test_three_kinds_of_caller_follow_the_same_job(team):
    """The official client with the tasks extension, one of 2025-11-25, and curl."""
    made = team.replica()
    team.worker()
    assert set((await followed(made.base)).values()) == {"worked 0.5 s"}
