"""State of callers under calls at once: no write undoes another, on one replica or over two."""

import asyncio
import hashlib

import pytest

from lab.mcp_wire import answer, call, request, text, with_headers

CALLERS = "\n".join(
    f"- sha256: {hashlib.sha256(f'token-{n}'.encode()).hexdigest()}\n  client: {n}" for n in "ab"
)


@pytest.fixture
def callers(service, tmp_path):
    """Replicas of one service on one Valkey, which know two callers, `a` and `b`.

    They wait for Valkey however long it takes, as it may with all calls at once on a busy machine.
    """
    (tmp_path / "callers.yml").write_text(CALLERS)

    def start(without=(), **settings):
        file = tmp_path / "callers.yml"
        without = ["redis-timeout", *without]
        return service(AUTH_ENABLED="true", AUTH_TOKENS_FILE=file, without=without, **settings)

    return start


async def ask(http, made, tool, who="a", **arguments):
    asked = with_headers(call(tool, **arguments), Authorization=f"Bearer token-{who}")
    return answer(await http.post(made.url, **asked))


async def value(http, made, tool, who="a", **arguments):
    result = (await ask(http, made, tool, who, **arguments))["result"]
    assert not result.get("isError"), result
    return result["structuredContent"].get("result", result["structuredContent"])


async def visits(http, replicas, tool, times=50):
    """Visits of one caller, all at once, over the replicas in turn; each was told a number."""
    reported = await asyncio.gather(
        *(value(http, replicas[n % len(replicas)], tool) for n in range(times))
    )
    return sorted(reported)


async def test_fifty_updates_at_once_over_two_replicas_give_fifty(callers, http):
    """Each is told a number of its own, and none is lost."""
    replicas = [callers(), callers()]
    assert await visits(http, replicas, "visit") == list(range(1, 51))


async def test_reading_and_writing_by_hand_loses_some(callers, http):
    """The control: get and set are two steps, which is why there is `update`.

    A matter of luck each time, so it may take several.
    """
    replicas = [callers(), callers()]
    for _ in range(10):
        reported = await visits(http, replicas, "visit_carelessly")
        if len(set(reported)) < 50:
            return  # two were told the same number: one of them is lost
    raise AssertionError("never lost one")


async def test_in_memory_the_same_update_loses_none(replica, http):
    """One process, FastMCP's own store."""
    made = replica(AUTH_ENABLED="true", AUTH_TOKEN="token-a")
    assert await visits(http, [made], "visit") == list(range(1, 51))


async def keep_many(http, replicas, times=50, prefix="key"):
    """As many keys set at once; how many are there afterwards."""
    keys = [f"{prefix} {n}" for n in range(times)]
    await asyncio.gather(
        *(
            value(http, replicas[n % len(replicas)], "keep", key=key, value=str(n))
            for n, key in enumerate(keys)
        )
    )
    found = await value(http, replicas[0], "kept", keys=keys)
    return sum(found[key] == str(n) for n, key in enumerate(keys))


async def test_fifty_keys_set_at_once_are_all_kept(callers, http):
    """FastMCP writes the whole state for each of them; only what changed is stored."""
    assert await keep_many(http, [callers(), callers()]) == 50


async def test_with_fastmcps_own_store_most_are_lost(callers, http, valkey):
    """The control: of calls at once, the last one's view of everything wins."""
    its_own = {"REDIS_URL": valkey.admin_url, "without": ["state-merging"]}  # its keys have no name
    replicas = [callers(**its_own) for _ in range(2)]
    for attempt in range(10):  # a matter of luck each time
        if await keep_many(http, replicas, prefix=f"key {attempt}") < 50:
            return
    raise AssertionError("never lost one")


async def test_keys_are_forgotten_one_by_one_or_all(callers, http):
    """Told by one replica, seen by the other."""
    one, two = callers(), callers()
    for key in ("x", "y", "ü.*"):
        await value(http, one, "keep", key=key, value=key)
    await value(http, two, "forget", key="y")
    keys = ["x", "y", "ü.*"]
    assert await value(http, one, "kept", keys=keys) == {"x": "x", "y": None, "ü.*": "ü.*"}
    await value(http, one, "forget")
    assert await value(http, two, "kept", keys=keys) == dict.fromkeys(keys)


async def test_callers_do_not_see_each_other(callers, http):
    """State is of the caller that the token stands for."""
    one, two = callers(), callers()
    assert [await value(http, one, "visit", "a"), await value(http, two, "visit", "a")] == [1, 2]
    assert await value(http, two, "visit", "b") == 1


CARTS = ("lab.sample.carts",)


async def test_state_by_id_is_shared_and_ends(service, http):
    """Without a name: who has the id has the cart, on any replica, until it is ended."""
    one, two = [service(packages=CARTS, without=["redis-timeout"]) for _ in range(2)]
    cart = text(await http.post(one.url, **call("create_session")))
    items = [f"item {n}" for n in range(20)]
    await asyncio.gather(
        *(
            http.post((one, two)[n % 2].url, **call("put_in", session_id=cart, item=item))
            for n, item in enumerate(items)
        )
    )
    full = answer(await http.post(two.url, **call("put_in", session_id=cart, item="last")))
    assert sorted(full["result"]["structuredContent"]["result"]) == sorted([*items, "last"])
    await http.post(two.url, **call("end_session", session_id=cart))
    gone = answer(await http.post(one.url, **call("put_in", session_id=cart, item="late")))
    assert gone["result"]["isError"]
    assert "Invalid or unknown session" in gone["result"]["content"][0]["text"]


async def test_the_tools_that_make_an_id_come_with_the_tool_that_takes_one(replica, http):
    """And not without it."""
    names = {}
    for packages in (CARTS, ("lab.sample.tools",)):
        made = replica(packages=packages)
        listed = answer(await http.post(made.url, **request("tools/list")))["result"]["tools"]
        names[packages] = {tool["name"] for tool in listed}
    assert names[CARTS] == {"put_in", "create_session", "end_session"}
    assert not names["lab.sample.tools",] & {"create_session", "end_session"}
