"""Nothing lost, nothing done twice: workers killed and replaced, Redis restarted, in mid-work.

The full form, 200 jobs, is `make prove`'s.
"""

import pytest

from tests.tasks.processes import REDELIVERY, processes
from tests.tasks.storm import storm


@pytest.mark.timeout(240)
async def test_every_job_has_its_result_and_its_effect_once(tmp_path, postgres_url):
    """A ledger in PostgreSQL tells; starts may repeat, effects may not."""
    packages = ("tests.tasks.ledger",)
    with processes(tmp_path, packages, DATABASE_URL=postgres_url, MCP_TASK_CONCURRENCY=4) as made:
        books = await storm(made.replica.base, made, jobs=40, seconds=0.5)
    assert books.right == 40
    assert books.effects_once
    assert books.begun_again >= 1, "the killed worker ran something"
    # Its silence, the quarter between two sweeps, and a busy machine's leisure.
    assert books.slowest_restart < 2 * REDELIVERY + 20
