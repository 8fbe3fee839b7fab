"""Docket is loaded when it is needed, and where that harms no call."""

import threading

from mcp_swarm.config import Settings
from mcp_swarm.framework import docket as framework_docket
from mcp_swarm.jobs.queue.engine import Engine


async def test_docket_is_imported_in_the_loops_own_thread(monkeypatch):
    """In another, it may import what a call imports at the same time: Python ends that in a 500."""
    load, threads = framework_docket.load, []

    def loading():
        threads.append(threading.current_thread())
        load()

    async def run(job_id, redelivered):
        raise AssertionError("there is no job")

    monkeypatch.setattr(framework_docket, "load", loading)
    engine = Engine(Settings(redis_url="memory://"), works=False, run=run)
    async with engine.lifetime():
        assert threads == []
        await engine.docket()
    assert threads == [threading.main_thread()]
