"""Redis and what clients are told agree, however late its answers come, or if they are lost."""

import asyncio
import signal

import httpx2
import pytest

from lab.legacy import SETTINGS, Session, final, rest, soon, until
from lab.service_name import NAME
from lab.slow_redis import by, late, losing
from mcp_swarm.redis import session_scripts
from mcp_swarm.redis.sessions import HEARTBEAT_EVERY


def replicas_in(valkey):
    """Those that Redis knows, with their last sign of life."""
    with valkey.client() as client:
        found = client.zrange(f"{NAME}:replicas", 0, -1, withscores=True)
        return {name.decode(): at for name, at in found}


def is_taken_for_dead(valkey, replica):
    """What three seconds of silence do."""
    with valkey.client() as client:
        client.delete(f"{NAME}:replica:{{{replica}}}")


async def test_an_answer_that_was_accepted_reaches_who_was_silent(http, service, valkey):
    """202 is a promise: the replica that asked stood still for so long that it seems dead."""
    one, two = [service(**SETTINGS) for _ in range(2)]
    session = await Session(http, [one, two]).open()
    async with session.streamed("question", one, text="Size?") as stream:
        asked = (await soon(stream)).message
        one.kill(signal.SIGSTOP)
        try:
            is_taken_for_dead(valkey, asked["id"].rpartition("-")[0])
            assert (await session.answer(asked, {"action": "decline"}, two)).status_code == 202
        finally:
            one.kill(signal.SIGCONT)
        assert final(await rest(stream))["result"]["content"][0]["text"] == "decline None"


async def test_a_stream_that_was_closed_while_redis_was_away_may_be_opened_again(
    http, service, valkey
):
    """No 409 for as long as its replica lives: Redis is told once it is back."""
    one = service(**SETTINGS)
    session = await Session(http, [one]).open()
    async with session.listen():
        valkey.kill()
    await one.logged(" 200 GET /mcp ")
    valkey.start()
    await one.logged("Redis answers again")
    async with session.get() as response:
        assert response.status_code == 200


async def test_a_stream_that_was_refused_for_redis_may_be_opened_again(http, service, valkey):
    """Redis gave it to a reader that never heard of it."""
    one = service(**SETTINGS)
    async with losing(valkey, session_scripts.FOLLOW) as port:
        two = await asyncio.to_thread(service, **SETTINGS, **by(valkey, port))
        session = await Session(http, [one, two]).open()
        async with session.get(two) as response:
            assert response.status_code == 503
        await two.logged("Redis answers again")
        async with session.get(one) as response:
            assert response.status_code == 200
        assert await asyncio.to_thread(two.stop) == 0


async def test_a_closed_stream_may_be_opened_again_at_once(http, service, valkey):
    """Elsewhere, and a sign of life of its replica comes before the word that its reader is gone."""
    one = service(**SETTINGS)
    first = replicas_in(valkey)
    async with late(valkey.port, 0.3) as port:
        two = await asyncio.to_thread(service, **SETTINGS, **by(valkey, port))
        session = await Session(http, [one, two]).open()
        [far] = replicas_in(valkey).keys() - first.keys()
        async with session.listen(two):
            before = replicas_in(valkey)[far]
            assert await until(lambda: replicas_in(valkey)[far] > before)
            await asyncio.sleep(HEARTBEAT_EVERY + 0.1)  # the next is on its way
        async with session.get(one) as response:
            assert response.status_code == 200
        assert await asyncio.to_thread(two.stop) == 0


async def test_a_call_that_was_taken_over_is_run_though_the_answer_was_lost(
    http, service, valkey, tmp_path
):
    """Else everybody takes it for running, and it never ends."""
    one = service(**SETTINGS)
    [dying] = replicas_in(valkey)
    async with losing(valkey, session_scripts.TAKE_OVER) as port:
        two = await asyncio.to_thread(service, **SETTINGS, **by(valkey, port))
        session = await Session(http, [one, two]).open()
        made = {"path": str(tmp_path / "runs"), "steps": 3, "stuck_after": 2}
        with pytest.raises(httpx2.TransportError):
            async with session.streamed("slow_read", one, **made) as stream:
                begun = await soon(stream)
                one.kill(signal.SIGKILL)
                await rest(stream)
        is_taken_for_dead(valkey, dying)
        async with session.listen(two, after=begun.id) as stream:
            assert final(await rest(stream))["result"]
        assert await asyncio.to_thread(two.stop) == 0
