"""What background work leaves in Redis does not grow with time, and is kept as long as it must."""

import asyncio

import pytest

from lab.jobs.team import noted
from lab.service_name import NAME
from mcp_swarm.config import Settings
from mcp_swarm.jobs.queue.engine import Engine
from mcp_swarm.jobs.queue.sweeper import Sweeper
from mcp_swarm.redis import Store
from mcp_swarm.redis.jobs import LIVE_TTL, JobStore

STREAM, GROUP = f"{NAME}:jobs:stream", "docket-workers"


@pytest.fixture
async def store(valkey):
    """Of the service, as its processes have it."""
    shared = Store(valkey.url, NAME)
    async with shared.run():
        yield JobStore(shared.redis, NAME)


@pytest.mark.timeout(120)
async def test_nothing_is_left_for_ever_but_the_queue_itself(team, curl, valkey, tmp_path):
    """Jobs that ended well or badly, were cancelled, waited for their turn, asked, came back."""
    settings = {"MCP_TASK_TENANT_LIMIT": 1}
    made, doomed = team.replica(**settings), team.worker(**settings)
    first, last = tmp_path / "first", tmp_path / "last"
    for folder in (first, last):
        folder.mkdir()
    jobs = [
        await curl.submit(made, "until_asked", folder=str(first)),
        await curl.submit(made, "refused"),
        await curl.submit(made, "broken"),
        cancelled := await curl.submit(made, "work", seconds=0.1),
        await curl.submit(made, "until_asked", folder=str(last)),
        await curl.submit(made, "flaky", folder=str(tmp_path), fails=1),
    ]
    asking = await curl.submit(made, "greet")
    with valkey.client() as client:
        waits = f"{NAME}:jobs:runs:{cancelled}", "waiter_stream"
        while not client.hexists(*waits):  # noqa: ASYNC110 - it is in Redis
            await asyncio.sleep(0.05)
    await curl.http.delete(f"{made.base}/jobs/{cancelled}")
    (first / "end").touch()
    await noted(last, 1)
    doomed.end()
    team.worker(**settings)
    await noted(last, 2)
    (last / "end").touch()
    for job in jobs:
        await curl.until(made, job)
    await curl.until(made, asking, "input_required")
    jobs = f"{NAME}:jobs"
    with valkey.client() as client:
        for _ in range(300):  # what was set aside is cleared up a little later
            for_ever = {key.decode() for key in client.scan_iter() if client.ttl(key) == -1}
            left = {key for key in for_ever if not key.startswith(f"{jobs}:task-workers:")}
            waiting = client.xlen(f"{jobs}:stream")
            if left == {f"{jobs}:stream", f"{jobs}:workers"} and not waiting:
                break
            await asyncio.sleep(0.1)
        assert left == {f"{jobs}:stream", f"{jobs}:workers"}
        assert waiting == 0


async def test_dead_workers_do_not_pile_up_in_the_queues_list(team, curl, valkey, store):
    """Docket leaves every worker that ever was there; one that holds a job stays."""
    made = team.replica()
    for _ in range(3):
        worker = team.worker()
        assert await curl.text(made, await curl.submit(made, "work", seconds=0.01))
        assert worker.stop() == 0
    doomed = team.worker()
    held = await curl.submit(made, "work", seconds=60.0)
    await curl.until(made, held, "running")
    doomed.end()
    with valkey.client() as client:
        assert len(client.xinfo_consumers(STREAM, GROUP)) == 4  # the control: all that ever were
        await asyncio.sleep(0.5)
        assert await store.forget_consumers(STREAM, GROUP, silent=60) == 0
        assert await store.forget_consumers(STREAM, GROUP, silent=0.2) == 3
        (left,) = client.xinfo_consumers(STREAM, GROUP)
    assert left["pending"] == 1


async def test_the_sweeper_does_it(valkey, key):
    """And asks Docket for the names of queue and group."""
    settings = Settings(redis_url=valkey.url, mcp_request_state_keys=(key,))

    async def run(job_id, redelivered):
        raise AssertionError(job_id)

    engine = Engine(settings, works=False, run=run)
    shared = Store(valkey.url, settings.mcp_name)

    async def jobs():
        return JobStore(shared.redis, settings.mcp_name)

    async with shared.run(), engine.lifetime():
        docket = await engine.docket()
        assert (docket.stream_key, docket.worker_group_name) == (STREAM, GROUP)
        await docket._ensure_stream_and_group()
        await shared.redis.xgroup_createconsumer(STREAM, GROUP, "dead")
        await asyncio.sleep(0.2)
        sweeper = Sweeper(settings, repository=None, engine=engine, store=jobs)
        assert await sweeper.forget_workers(silent=0.1) == 1


async def test_a_start_has_nothing_of_the_progress_of_one_before(team, curl, valkey):
    """What its worker had done is lost with it."""
    made = team.replica()
    job = await curl.submit(made, "endless")
    with valkey.client() as client:
        client.hset(f"{NAME}:job:{{{job}}}", mapping={"progress": "9.0", "total": "10.0"})
    assert (await curl.status(made, job))["fraction"] == 0.9
    team.worker()
    assert "fraction" not in await curl.until(made, job, "running")
    await curl.http.delete(f"{made.base}/jobs/{job}")


async def test_what_failed_is_listed_as_long_as_its_record_lives(store):
    """Each new failure takes those off the list whose records have expired."""
    for number, at in enumerate((1000.0, 1050.0, 1200.0)):
        job = f"job-{number}"
        await store.submit(job, "owner", {"state": "queued", "revision": 0}, now=at, limit=9)
        fields = {"state": "failed", "revision": 1}
        assert await store.move(
            job, "owner", "t", ("queued",), fields, revision=0, into="failed", score=at, ttl=100
        ) == "ok"  # fmt: skip
    assert await store.members("failed") == ["job-2"]


async def test_what_nobody_answered_for_a_week_counts_no_more(store):
    """Its record has expired; the next submission takes it off the list."""
    queued, asks = {"state": "queued", "revision": 0}, {"state": "input_required"}
    for job, at in (("one", 1000.0), ("two", 1001.0 + LIVE_TTL)):
        assert await store.submit(job, "o", queued, now=at, limit=1) == ("new", job)
        assert await store.move(job, "o", "t", ("queued",), asks, into="asking", score=at) == "ok"
        refused = await store.submit("other", "o", queued, now=at + 1, limit=1)
        assert refused == ("unanswered", "1")
    assert await store.members("asking:{o}") == ["two"]


async def test_an_idempotency_key_lives_as_long_as_its_job(valkey, store):
    """However long it waits and runs; then as long as its result."""
    named = ("owner:key", "call")
    fields = {"state": "queued", "revision": 0}
    assert await store.submit("one", "owner", fields, now=1, limit=9, repeat=named) == (
        "new",
        "one",
    )
    with valkey.client() as client:
        assert client.ttl(f"{NAME}:job-key:{{owner:key}}") > LIVE_TTL - 60
        for state, ttl in (("running", LIVE_TTL), ("completed", 50)):
            reported = {"state": state}
            await store.move("one", "owner", "t", ("queued", "running"), reported, ttl=ttl)
            found = client.expiretime(f"{NAME}:job-key:{{owner:key}}")
            assert found == client.expiretime(f"{NAME}:job:{{one}}")
        assert client.ttl(f"{NAME}:job-key:{{owner:key}}") <= 50
    assert await store.submit("two", "owner", fields, now=2, limit=9, repeat=named) == (
        "known",
        "one",
    )


@pytest.mark.parametrize("again", [True, False])
async def test_an_answer_that_comes_before_docket_knows_the_end_is_not_lost(valkey, key, again):
    """The job is queued while its last run, which has written its end, is still leaving.

    The control queues it as a new one: Docket takes it for running, and drops it.
    """
    settings = Settings(redis_url=valkey.url, mcp_request_state_keys=(key,))
    runs, ran = asyncio.Queue(), []

    async def run(job_id, redelivered):
        if not ran:
            await (engine.add_again if again else engine.add)(job_id, "tenant")
        ran.append(job_id)
        await runs.put(job_id)

    engine = Engine(settings, works=True, run=run)
    async with engine.lifetime():
        await engine.add("job", "tenant")
        assert await asyncio.wait_for(runs.get(), 20) == "job"
        try:
            second = await asyncio.wait_for(runs.get(), 20 if again else 3)
        except TimeoutError:
            second = None
    assert second == ("job" if again else None)
