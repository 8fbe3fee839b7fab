"""What one tenant's jobs may take of the store and the queue, and what is left of a job that has ended."""

import secrets

import pytest

from lab.jobs.team import SAMPLE
from lab.mcp_wire import request
from lab.service_name import NAME
from lab.valkey import Valkey

MEGABYTE = 1 << 20
MAXMEMORY = 24 * MEGABYTE  # of which jobs take three quarters, and one tenant a quarter of that


@pytest.fixture
def valkey(tmp_path):
    """One with little memory."""
    limits = {"maxmemory": str(MAXMEMORY), "maxmemory-policy": "noeviction"}
    server = Valkey(tmp_path / "valkey", **limits)
    yield server
    server.end()


def random_text(size):
    """What no compression makes smaller than its half."""
    return secrets.token_hex(size // 2)


def stored(valkey, job):
    with valkey.client() as client:
        return client.hgetall(f"{NAME}:job:{{{job}}}")


def held(valkey):
    """Bytes that jobs hold, by tenant."""
    with valkey.client() as client:
        keys = client.scan_iter(f"{NAME}:jobs:held:*")
        return sorted(sum(map(int, client.hvals(key))) for key in keys)


async def submit_large(who, at, times, size=MEGABYTE):
    """Statuses of so many jobs with large arguments, which nobody runs yet."""
    return [
        (await who.post(at, "work", seconds=0.05, secret=random_text(size))).status_code
        for _ in range(times)
    ]


async def test_one_tenant_holds_its_share_and_the_others_queue_on(authed, a, b, valkey):
    made = authed.replica()
    statuses = await submit_large(a, made, 14)
    assert 4 <= statuses.count(202) < 14
    assert set(statuses) == {202, 503}
    refused = await a.post(made, "work", seconds=0.05, secret=random_text(MEGABYTE))
    assert "Your jobs hold" in refused.json()["detail"]
    assert max(held(valkey)) <= MAXMEMORY * 0.75 / 4
    assert await submit_large(b, made, 3) == [202] * 3


async def test_without_tokens_all_are_one_and_may_have_it_all(team, curl, valkey):
    """The control: more than a share fits."""
    assert (await submit_large(curl, team.replica(), 14)).count(202) > 9


async def test_jobs_that_have_ended_make_room(authed, a, valkey):
    made = authed.replica()
    jobs = [await a.submit(made, "work", seconds=0.05, secret=random_text(MEGABYTE)) for _ in "123"]
    before = held(valkey)
    authed.worker()
    for job in jobs:
        await a.until(made, job)
        assert not stored(valkey, job)[b"call"]
    assert held(valkey)[0] < 10_000 < before[0]


async def test_a_job_that_is_cancelled_keeps_nothing_of_its_call(authed, a, valkey):
    made = authed.replica()
    job = await a.submit(made, "work", seconds=0.05, secret=random_text(MEGABYTE))
    assert stored(valkey, job)[b"call"]
    await a.http.delete(f"{made.base}/jobs/{job}", headers=a.headers)
    assert not stored(valkey, job)[b"call"]
    assert held(valkey) in ([], [0])


async def test_one_that_failed_keeps_a_small_call_to_be_queued_once_more(authed, a, valkey):
    made = authed.replica()
    authed.worker()
    job = await a.submit(made, "broken")
    await a.until(made, job)
    assert stored(valkey, job)[b"call"]


async def test_one_tenant_fills_no_more_of_the_queue_than_its_share(authed, a, b):
    made = authed.replica(MCP_TASK_QUEUE_LIMIT=40)
    statuses = [(await a.post(made, "work", seconds=0.05)).status_code for _ in range(15)]
    assert statuses == [202] * 10 + [503] * 5
    assert (await b.post(made, "work", seconds=0.05)).status_code == 202


async def test_results_of_one_tenant_take_no_more_than_its_share(authed, a, b, valkey):
    """Those beyond get an error; the others' are kept."""
    made = authed.replica()
    authed.worker()
    size = 900_000
    jobs = [await a.submit(made, "noisy", size=size) for _ in range(12)]
    ended = [await a.until(made, job) for job in jobs]
    lost = [found for found in ended if found["state"] == "failed"]
    assert 0 < len(lost) < 12
    assert "more than your jobs may hold together" in lost[0]["message"]
    assert len(await b.text(made, await b.submit(made, "noisy", size=size))) == size


async def test_expired_jobs_do_not_count(authed, a, valkey):
    made = authed.replica()
    assert 503 in await submit_large(a, made, 8)
    with valkey.client() as client:
        client.delete(*client.scan_iter(f"{NAME}:job:*"))
    assert (await submit_large(a, made, 1)) == [202]


async def test_large_capabilities_are_not_kept_with_a_task(replica, http):
    made = replica(packages=SAMPLE)
    asked = request("tools/call", name="work", arguments={"seconds": 0.05})
    can = {"extensions": {"io.modelcontextprotocol/tasks": {}}, "experimental": {}}
    meta = asked["json"]["params"]["_meta"]
    meta["io.modelcontextprotocol/clientCapabilities"] = can
    assert (await http.post(made.url, **asked)).json()["result"]["resultType"] == "task"
    can["experimental"] = {"x": {"y": "z" * 20_000}}
    refused = (await http.post(made.url, **asked)).json()["error"]
    assert refused["code"] == -32602
    assert "clientCapabilities" in refused["message"]
