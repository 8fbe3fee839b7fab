"""Nothing lost, nothing done twice: workers killed and replaced, Redis restarted, in mid-work.

The full form, 200 jobs, is `make prove`'s.
"""

import asyncio
import signal
import time

import pytest

from lab.jobs.processes import REDELIVERY, processes
from lab.jobs.storm import ledger, storm
from lab.jobs.team import SECONDS_TO_SETTLE

PACKAGES = ("lab.jobs.ledger",)


@pytest.mark.timeout(240)
async def test_every_job_has_its_result_and_its_effect_once(tmp_path, postgres_url):
    """A ledger in PostgreSQL tells; starts may repeat, effects may not."""
    with processes(tmp_path, PACKAGES, DATABASE_URL=postgres_url, MCP_TASK_CONCURRENCY=4) as made:
        books = await storm(made.replica.base, made, jobs=30, seconds=2.0)
    assert books.wrong(REDELIVERY + 5) == []  # and a machine that runs other tests


@pytest.mark.timeout(120)
async def test_an_effect_is_done_once_by_the_jobs_id(tmp_path, curl, postgres_url):
    """A worker dies between its job's effect and its end. The control books blindly: twice."""
    settings = {"DATABASE_URL": postgres_url, "MCP_TASK_REDELIVERY_SECONDS": 2}
    with processes(tmp_path, PACKAGES, workers=1, **settings) as made:
        asked = {"number": 1, "seconds": 0.0, "until": str(tmp_path / "end")}
        careful = await curl.submit(made.replica, "book", **asked)
        blind = await curl.submit(made.replica, "book", **asked, blindly=True)
        deadline = time.monotonic() + SECONDS_TO_SETTLE
        while len((await ledger(curl.http, made.replica.base))["effects"]) < 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        made.workers[0].kill(signal.SIGKILL)
        (tmp_path / "end").touch()
        made.workers[0] = made.start_worker()
        for job in (careful, blind):
            assert (await curl.until(made.replica, job))["starts"] == 2
        effects = (await ledger(curl.http, made.replica.base))["effects"]
    jobs = [job for job, _ in effects]
    assert (jobs.count(careful), jobs.count(blind)) == (1, 2)
