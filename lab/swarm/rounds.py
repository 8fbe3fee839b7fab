"""Input rounds of 2026-07-28 on a running service: replayed, and kept going while keys change."""

import asyncio
import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import httpx2

from lab.mcp_wire import answer, call
from lab.swarm.load import Loaded, loaded

REFUSED = "request_state_already_used"
SURE = {"value": True}
# The probe's tool that asks before it acts; the tester answers each question.
ROUND = ("--tool", "confirm", "--args", '{"run": "load"}', "--answer", json.dumps(SURE))


class Service(Protocol):
    """What holds the replicas: three here, or a stack on a Swarm."""

    def rotate(self, keys: Sequence[str]) -> None: ...


async def replay(url: str, times: int) -> tuple[int, int, int]:
    """Sends one confirmation so many times at once.

    Returns:
        How many were done, how many refused as used, how many effects there are.
    """
    run = secrets.token_hex(4)
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as http:

        async def post(asked: dict[str, Any]) -> dict[str, Any]:
            return answer(await http.post(url, **asked))

        begun = await post(call("confirm", run=run))
        again = call("confirm", run=run)
        again["json"]["params"] |= {
            "requestState": begun["result"]["requestState"],
            "inputResponses": {
                name: {"action": "accept", "content": SURE}
                for name in begun["result"]["inputRequests"]
            },
        }
        reported = await asyncio.gather(*(post(again) for _ in range(times)))
        effects = await post(call("effects", run=run))
    refused = sum(
        body.get("error", {}).get("data", {}).get("reason") == REFUSED for body in reported
    )
    done = sum("result" in body for body in reported)
    return done, refused, int(effects["result"]["structuredContent"]["result"])


def rotate(
    service: Service, url: str, folder: Path, rate: int, rings: Sequence[Sequence[str]]
) -> Loaded:
    """Gives the service one ring of keys after another, while rounds go on; what became of them.

    Each ring is on every replica before the next one comes.
    """
    with loaded(url, folder, rate, *ROUND) as end:
        for ring in rings:
            service.rotate(ring)
        return end()
