"""Stop it: calls in flight finish, nobody is cut off, the exit code is 0."""

import asyncio
import signal

from lab.mcp_wire import call, text


async def test_a_stop_waits_for_the_call_in_flight(replica, http):
    """What Swarm does at every roll-out: SIGTERM while somebody is being served."""
    made = replica(MCP_DRAIN_SECONDS="4")
    calling = asyncio.create_task(http.post(made.url, **call("sleep", seconds=5)))
    await made.logged("the sleep begins")

    made.kill(signal.SIGTERM)
    made.wait_for_log("SIGTERM: draining for 4 s")
    assert (await http.get(f"{made.base}/readyz")).status_code == 503  # send no more
    assert (await http.get(f"{made.base}/healthz")).status_code == 200  # but do not kill it

    assert text(await calling) == "slept 5 s"
    assert made.wait() == 0
