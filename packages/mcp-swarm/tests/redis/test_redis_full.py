"""Redis is full (maxmemory, noeviction): it refuses what adds to it, stays within its memory, loads its
own log after a restart, and the service recovers.
"""

import asyncio
import secrets
from contextlib import contextmanager

import pytest
import redis

from lab import replica as replicas
from lab.legacy import CAPABILITIES, PACKAGES, SETTINGS, Session
from lab.mcp_wire import LEGACY, answer, request
from lab.valkey import Valkey
from mcp_swarm.redis import Store
from mcp_swarm.redis.jobs import JobStore
from mcp_swarm.redis.user_state import Change, Fields

MEGABYTE = 1 << 20
MAXMEMORY = 16 * MEGABYTE
# What commands that are being read, and their connections, may take beside the data.
BUFFERS = 6 * MEGABYTE


@contextmanager
def small_redis(folder):
    """One with little memory, as the stack's has: full means an error to who writes."""
    limits = {"maxmemory": str(MAXMEMORY), "maxmemory-policy": "noeviction"}
    server = Valkey(folder / "valkey", **limits)
    try:
        yield server
    finally:
        server.end()


@pytest.fixture
def valkey(tmp_path):
    with small_redis(tmp_path) as server:
        yield server


@pytest.fixture
def start(tmp_path, valkey):
    """`start()`: a replica with sessions on the small Redis."""
    started = []

    def start_one(*without, **settings):
        options = {**SETTINGS, "REDIS_URL": valkey.url, "packages": PACKAGES, **settings}
        options |= {"MCP_REQUEST_STATE_KEYS": secrets.token_hex(32), "without": without}
        started.append(replicas.start(tmp_path / f"replica-{len(started)}", **options))
        started[-1].wait_until_ready()
        return started[-1]

    yield start_one
    for made in started:
        made.end()


def used(valkey):
    with valkey.client() as client:
        return int(client.info("memory")["used_memory"])


def fill(valkey, left=0):
    """Until nothing more fits; or `left` bytes do."""
    with valkey.client() as client:
        rest = MAXMEMORY - int(client.info("memory")["used_memory"]) - left
        client.execute_command("CONFIG", "SET", "maxmemory", "0")
        client.set("filler", "x" * max(1, rest + (0 if left else MEGABYTE)))
        client.execute_command("CONFIG", "SET", "maxmemory", str(MAXMEMORY))


def empty(valkey):
    with valkey.client() as client:
        client.delete("filler")


async def shake_hands(http, made, size):
    """`initialize` with so many characters of capabilities more."""
    capabilities = {**CAPABILITIES, "experimental": {"x": {"y": secrets.token_hex(size // 2)}}}
    params = {"protocolVersion": LEGACY, "capabilities": capabilities}
    params["clientInfo"] = {"name": "large", "version": "1"}
    return await http.post(made.url, **request("initialize", "legacy", **params))


async def attack(http, made, size, times):
    """Whether each of so many handshakes was answered with a result, twenty at a time."""
    limit = asyncio.Semaphore(20)

    async def one():
        async with limit:
            return "result" in answer(await shake_hands(http, made, size))

    return await asyncio.gather(*[one() for _ in range(times)])


async def test_large_params_of_a_handshake_are_refused(http, start):
    made = start()
    refused = answer(await shake_hands(http, made, 20_000))
    assert refused["error"]["code"] == -32602
    assert "16,384" in refused["error"]["message"]
    assert "result" in answer(await shake_hands(http, made, 10_000))


async def test_handshakes_leave_redis_within_its_memory(http, start, valkey):
    """Large ones stop at half of it; sessions that are open, and small new ones, are served on."""
    made = start()
    session = await Session(http, [made]).open()
    assert set(await attack(http, made, 15_000, 1200)) == {True, False}
    assert used(valkey) < MAXMEMORY
    assert "result" in answer(await shake_hands(http, made, 100))
    assert "result" in answer(await session.call("echo", text="x"))


async def test_without_the_limits_they_fill_it_beyond(http, start, valkey):
    """The control: the first write of the script removes something, and the others pass."""
    made = start("subscription-shares", "full-check")
    await attack(http, made, 50_000, 800)
    assert used(valkey) > MAXMEMORY + BUFFERS


def adding(store):
    """Each operation that adds something: its name and a coroutine of it."""
    sessions, jobs = store.sessions, JobStore(store.redis, store.service)
    large = "x" * 50_000
    fields = {"state": "queued", "call": large}
    yield "open", sessions.open("new", "someone", large, LEGACY, 1000, 1000)
    yield "append", sessions.append("there", large)
    yield "begin", sessions.begin("there", "call-2", "replica", large, 1)
    yield "save", sessions.save("there", "call-1", "replica", [("1-1", large)], False)
    yield "tell", sessions.send_to("replica", kind="answer", session="there", message=large)
    yield "subscribe", sessions.subscribe("there", f"test://{large}", 10)
    yield "notify", sessions.notify(None, large)
    yield "state", Fields(store).change("a", "b", change=Change(put={"k": large}, drop=["no"]))
    yield "submit", jobs.submit("job-2", "owner", fields, now=1, limit=100)
    yield "result", jobs.move("job-1", "owner", "tool", ("queued",), {"outcome": large})


def lasting(store):
    """Each that a service needs while Redis is full: it changes or ends what is there."""
    sessions, jobs = store.sessions, JobStore(store.redis, store.service)
    yield "take up", sessions.take_up("there", "someone", ("a", "b"))
    yield "touch", sessions.touch("there")
    yield "heartbeat", sessions.heartbeat("replica", "0-0")
    yield "follow", sessions.follow("there", "get", "replica", "token", "")
    yield "read", sessions.read("there", "get", "token", "0-0")
    yield "leave", sessions.leave("there", "get", "token")
    yield "drop", sessions.drop("there", "call-1")
    yield (
        "end a job",
        jobs.move("job-1", "owner", "tool", ("queued",), {"state": "cancelled"}),
    )
    yield "close", sessions.close("there")
    yield "end", sessions.end("replica")


async def prepared(valkey):
    """A store in which there is one of each."""
    store = Store(valkey.url, "template-mcp", 600)
    await store.sessions.heartbeat("replica", "0-0")
    await store.sessions.open("there", "someone", "{}", LEGACY, 1000, 1000)
    await store.sessions.follow("there", "get", "replica", "first", "")
    await store.sessions.leave("there", "get", "first")
    await store.sessions.begin("there", "call-1", "replica", "{}", 1)
    jobs = JobStore(store.redis, store.service)
    await jobs.submit("job-1", "owner", {"state": "queued"}, now=1, limit=100)
    return store


async def test_what_adds_something_is_refused_as_a_whole(valkey):
    store = await prepared(valkey)
    async with store.run():
        fill(valkey)
        before = len(valkey.everything())
        for name, operation in adding(store):
            with pytest.raises(redis.OutOfMemoryError):
                await operation
                pytest.fail(f"{name} was let in")
        assert len(valkey.everything()) == before


async def test_what_changes_or_ends_something_is_not(valkey):
    store = await prepared(valkey)
    async with store.run():
        fill(valkey)
        for name, operation in lasting(store):
            try:
                await operation
            except redis.RedisError as error:
                pytest.fail(f"{name}: {error}")
        assert store.sessions.fullness > 1


async def test_a_full_redis_loads_its_log_and_the_service_recovers(http, start, valkey):
    """Filled by handshakes, calls that last, and state; then killed."""
    made = start()
    session = await Session(http, [made]).open()
    await attack(http, made, 15_000, 900)
    for number in range(12):
        await session.call("keep", number=number, key=f"k{number}", value="v" * MEGABYTE)
    fill(valkey)
    kept = {key for key, _ in valkey.everything()}
    assert used(valkey) < MAXMEMORY + BUFFERS

    valkey.kill()
    valkey.start()
    assert {key for key, _ in valkey.everything()} >= kept - {b"template-mcp:replicas"} - {
        key for key in kept if b":replica:" in key or b":inbox:" in key
    }
    for _ in range(100):
        refused = await shake_hands(http, made, 100)
        if "full" in refused.text:
            break
        await asyncio.sleep(0.1)
    assert answer(refused)["error"]["data"]["retryable"] is True

    empty(valkey)
    for _ in range(100):
        if "result" in answer(await session.call("echo", text="x")):
            break
        await asyncio.sleep(0.1)
    assert "result" in answer(await shake_hands(http, made, 100))
