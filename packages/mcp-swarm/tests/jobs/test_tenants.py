"""Two tenants of one client and subject: a job, and the key that repeats it, are one tenant's."""

import pytest

from lab.jobs.team import Follower
from lab.jobs.wire import about_task, as_task
from lab.mcp_wire import answer, call, with_headers
from lab.tenants import CALLERS, OTHERS, bearer


@pytest.fixture
def made(team, tmp_path):
    """A replica and a worker that know the callers."""
    (tmp_path / "callers.yml").write_text(CALLERS)
    team.settings |= {"AUTH_ENABLED": "true", "AUTH_TOKENS_FILE": tmp_path / "callers.yml"}
    team.worker()
    return team.replica()


def of(http, who):
    return Follower(http, **bearer(who))


async def test_a_job_is_its_tenants(made, http):
    """Read, answered, cancelled and deleted by it alone; to others it does not exist."""
    job = await of(http, "north").submit(made, "greet", hello="x")
    await of(http, "north-new").until(made, job, "input_required")
    base = f"{made.base}/jobs/{job}"
    for who in OTHERS:
        ways = (("GET", "/status"), ("GET", "/result"), ("POST", "/answers"), ("DELETE", ""))
        for method, path in ways:
            body = {"json": {}} if method == "POST" else {}
            theirs = await http.request(method, base + path, headers=bearer(who), **body)
            assert theirs.status_code == 404
        for method in ("tasks/get", "tasks/cancel", "tasks/update"):
            more = {"inputResponses": {}} if method == "tasks/update" else {}
            asked = with_headers(about_task(method, job, **more), **bearer(who))
            assert answer(await http.post(made.url, **asked))["error"]["code"] == -32602
        for tool in ("job_status", "job_result", "cancel_job"):
            asked = with_headers(call(tool, job_id=job), **bearer(who))
            assert answer(await http.post(made.url, **asked))["result"]["isError"]
    assert (await of(http, "north").status(made, job))["state"] == "input_required"


async def test_an_idempotency_key_is_its_tenants(made, http):
    """The same key and call in two tenants are two jobs; in one it is one."""
    first = await of(http, "north").submit(made, "work", "a-key", seconds=0.0)
    for who in OTHERS:
        assert await of(http, who).submit(made, "work", "a-key", seconds=0.0) != first
    assert await of(http, "north-new").submit(made, "work", "a-key", seconds=0.0) == first


async def test_the_extensions_idempotency_key_is_its_tenants(made, http):
    """The same over `tools/call`."""

    async def task(who):
        sent = as_task("work", seconds=0.0, secret="s")
        sent["json"]["params"]["_meta"]["mcp-swarm/idempotencyKey"] = "k"
        response = await http.post(made.url, **with_headers(sent, **bearer(who)))
        return answer(response)["result"]["taskId"]

    assert len({await task(who) for who in ("north", "north-new", *OTHERS)}) == 3


async def test_a_job_runs_as_its_tenant(made, http):
    """A worker acts for the tenant that asked."""
    job = await of(http, "south").submit(made, "who_am_i")
    await of(http, "south").until(made, job)
    reported = (await of(http, "south").result(made, job))["structuredContent"]
    assert reported == {"client": "agent", "tenant": "south", "token": ""}
