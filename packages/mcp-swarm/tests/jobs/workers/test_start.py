"""A worker begins, or says why it does not; `make up` has one."""

import asyncio
import signal

import pytest

from lab.replica import ROOT
from lab.valkey import free_port


async def test_a_worker_without_a_shared_queue_says_why_it_cannot_start(replica):
    """Exit 3, and the setting."""
    alone = replica(ready=False, worker=True, packages=("lab.jobs.sample",))
    assert alone.wait() == 3
    assert "REDIS_URL" in alone.log


async def test_a_worker_with_nothing_to_do_is_alive_and_says_so(replica, key, valkey):
    """A stack whose tools need no worker is a stack that runs, not one that restarts for ever."""
    idle = replica(worker=True, REDIS_URL=valkey.url, MCP_REQUEST_STATE_KEYS=key)
    (line,) = [line for line in idle.log.splitlines() if "task=True" in line]
    assert "WARNING" in line
    assert idle.stop() == 0


@pytest.mark.timeout(300)
async def test_make_up_runs_the_jobs_that_it_takes(fresh, curl):
    """Its replicas share a queue, so none of them does; nothing is left running."""
    pytest.importorskip("server.examples.tools.sales_report")
    port = free_port()
    up = fresh("-m", "deploy.local", "--port", str(port), "--replicas", "1", cwd=ROOT)
    try:
        await asyncio.to_thread(up.wait_for_log, "1 replicas on .*; a worker", 120)
        up.port = port
        job = await curl.submit(up, "export_sales", since="2026-06-01")
        done = await curl.until(up, job)
    finally:
        code = await asyncio.to_thread(up.stop, signal.SIGINT, 60)
    assert done["state"] == "completed", done
    assert code == 0
