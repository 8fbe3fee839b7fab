"""Questions that nobody answers do not close the service: with the sessions pattern, through HAProxy."""

import asyncio
from pathlib import Path

import httpx2
import pytest

from lab.deploy.patterns import deployed
from lab.deploy.session import opened
from lab.mcp_wire import call, text
from lab.valkey import Valkey
from mcp_swarm.ask.open_questions import OF_SESSION

pytestmark = pytest.mark.timeout(240)

PACKAGES = ("lab.sample.asking", "lab.sample.crowd")
QUESTIONS = 410


async def test_410_unanswered_questions_of_a_session_leave_the_others_served(
    tmp_path: Path, valkey: Valkey
) -> None:
    """Most are refused at once, some stay open, and twenty other callers are answered meanwhile."""
    limits = httpx2.Limits(max_connections=None)
    room = {"LB_CLIENTS": "1000", "LB_MAXCONN": "2000"}  # the stack has more
    options = {"redis_url": valkey.url, "packages": PACKAGES, **room}
    with deployed(tmp_path, "sessions", **options) as service:  # type: ignore[arg-type]
        async with (
            httpx2.AsyncClient(limits=limits, timeout=90, trust_env=False) as attacker,
            httpx2.AsyncClient(timeout=30, trust_env=False) as http,
        ):
            session = await opened(attacker, service.url, elicitation={})
            asking = [asyncio.create_task(session.call("pay")) for _ in range(QUESTIONS)]
            most = OF_SESSION * len(service.mcp)
            while sum(task.done() for task in asking) < QUESTIONS - most:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            refused = [await task for task in asking if task.done()]
            assert all("wait for an answer already" in response.text for response in refused)
            assert sum(not task.done() for task in asking) == most

            others = [await opened(http, service.url) for _ in range(20)]
            answers = await asyncio.gather(
                *[one.call("crowd", seconds=0.01) for one in others * 10]
            )
            assert {response.status_code for response in answers} == {200}
            assert text(await http.post(service.url, **call("crowd", seconds=0.01)))
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
