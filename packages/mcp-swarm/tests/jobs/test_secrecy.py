"""What a caller sent is nobody's business: in Redis sealed, over HTTP its owner's alone."""

import asyncio
import pickle

from lab.jobs.team import CALLERS, SAMPLE, SECONDS_TO_SETTLE, there
from lab.jobs.wire import about_task, as_task
from lab.mcp_wire import answer, call, request, with_headers
from lab.service_name import NAME

SECRET = "argument-in-clear"


def everything_in(valkey) -> bytes:
    """All keys and values."""
    found = valkey.everything()
    assert found
    return repr(found).encode()


async def test_neither_token_nor_argument_nor_result_lies_in_redis_in_clear(
    authed, a, http, valkey
):
    """T12: while it waits, while it runs, when it asks, when it has ended."""
    made = authed.replica()
    bearer = {"Authorization": "Bearer token-a"}
    await a.submit(made, "work", seconds=0.1, secret=SECRET)
    await http.post(made.url, **with_headers(as_task("work", seconds=0.2, secret=SECRET), **bearer))
    seen = everything_in(valkey)
    authed.worker()
    running = await a.submit(made, "work", seconds=2.0, secret=SECRET)
    await a.until_it_says(made, running, SECRET)  # its progress is in the store now
    seen += everything_in(valkey)
    asking = await a.submit(made, "greet", hello=SECRET)
    asked = (await a.until(made, asking, "input_required"))["input_requests"]
    answers = {next(iter(asked)): {"action": "accept", "content": {"name": SECRET}}}
    url = f"{made.base}/jobs/{asking}/answers"
    await http.post(url, json=answers, headers=bearer)
    assert SECRET in await a.text(made, asking)
    await a.until(made, running)
    seen += everything_in(valkey)
    for clear in (SECRET, "token-a", "client-a", "tenant-a", "Your name?"):
        assert clear.encode() not in seen


async def test_without_encryption_the_argument_is_there_to_read(authed, a, valkey):
    """The control of T12: what is looked through would show it."""
    made = authed.replica(without=["job-encryption"])
    await a.submit(made, "work", seconds=0.1, secret=SECRET)
    seen = everything_in(valkey)
    assert SECRET.encode() in seen
    assert b"client-a" in seen


async def test_a_job_knows_its_caller_and_holds_nothing_to_call_with(authed, a):
    """Who called, for whom; the token is empty."""
    made = authed.replica()
    authed.worker()
    job = await a.submit(made, "who_am_i")
    await a.until(made, job)
    reported = (await a.result(made, job))["structuredContent"]
    assert reported == {"client": "client-a", "tenant": "tenant-a", "token": ""}


async def test_another_callers_job_is_answered_like_none(authed, a, http):
    """By every way in; without a token nobody is answered at all."""
    made = authed.replica()
    job = await a.submit(made, "work", seconds=0.1)
    b = {"Authorization": "Bearer token-b"}
    base = f"{made.base}/jobs/{job}"
    for method, url in (("GET", f"{base}/status"), ("GET", f"{base}/result"), ("DELETE", base)):
        theirs = await http.request(method, url, headers=b)
        none = await http.request(method, url.replace(job, "none"), headers=b)
        assert theirs.status_code == none.status_code == 404
        assert theirs.text.replace(job, "none") == none.text
        nobody = await http.request(method, url)
        assert nobody.status_code == 401
        assert nobody.headers["WWW-Authenticate"].startswith("Bearer")
    assert (await http.post(f"{base}/answers", json={}, headers=b)).status_code == 404
    assert (await http.post(f"{made.base}/jobs", json={"tool": "work"})).status_code == 401
    about = with_headers(about_task("tasks/get", job), **b)
    assert answer(await http.post(made.url, **about))["error"]["code"] == -32602
    for tool in ("job_status", "job_result", "cancel_job"):
        reported = answer(await http.post(made.url, **with_headers(call(tool, job_id=job), **b)))
        assert reported["result"]["isError"]
    read = with_headers(request("resources/read", uri=f"job://{job}"), **b)
    assert "error" in answer(await http.post(made.url, **read))
    assert (await a.status(made, job))["state"] == "queued"


async def test_without_owners_anyone_sees_the_job(authed, a, b):
    """The control: the same request finds it."""
    made = authed.replica(without=["job-owner"])
    job = await a.submit(made, "work", seconds=0.1)
    assert (await b.status(made, job))["state"] == "queued"


async def test_a_tool_for_some_callers_is_run_for_them_and_not_named_to_others(
    replica, a, b, http, tmp_path
):
    """Neither by `submit_job` nor where a name is wrong; the job runs as its caller."""
    (tmp_path / "callers.yml").write_text(f"{CALLERS}\n  scopes: [admin]")  # of the last, b
    settings = {"AUTH_ENABLED": "true", "AUTH_TOKENS_FILE": tmp_path / "callers.yml"}
    made = replica(packages=SAMPLE, **settings)
    for tool in ("only_for_admins", "nothing"):
        refused = await a.post(made, tool)
        assert refused.status_code == 404
        assert "only_for_admins" not in refused.json()["detail"].removeprefix(f"No tool {tool!r}")
    listed = answer(await http.post(made.url, **with_headers(request("tools/list"), **a.headers)))
    (submit,) = (t for t in listed["result"]["tools"] if t["name"] == "submit_job")
    assert "who_am_i" in submit["description"]
    assert "only_for_admins" not in submit["description"]
    assert await b.text(made, await b.submit(made, "only_for_admins")) == "ran"


async def test_without_its_key_a_job_is_told_to_be_unreadable(team, curl, fresh, key):
    """Not a fault of the server's: over HTTP, by the tools, and to the operator."""
    job = await curl.submit(team.replica(), "work", seconds=0.1)
    other = team.replica(MCP_REQUEST_STATE_KEYS="n" * 40)
    reported = await curl.http.get(f"{other.base}/jobs/{job}/status")
    assert reported.status_code == 503
    assert "encrypted with a key" in reported.json()["detail"]
    result = answer(await curl.http.post(other.url, **call("job_status", job_id=job)))["result"]
    assert "encrypted with a key" in result["content"][0]["text"]
    settings = {**team.settings, "MCP_REQUEST_STATE_KEYS": "n" * 40}
    ran = fresh("-m", "lab.jobs.command", "retry", job, **settings)
    assert await asyncio.to_thread(ran.wait, SECONDS_TO_SETTLE) == 1
    assert "cannot be decrypted" in ran.log
    assert "Traceback" not in ran.log


async def test_an_idempotency_key_is_its_callers_own(authed, a, b):
    """The same key and call of two callers are two jobs."""
    made = authed.replica()
    jobs = {await who.submit(made, "work", key="k", seconds=0.1) for who in (a, b, a)}
    assert len(jobs) == 2


async def test_whoever_can_write_to_redis_can_run_nothing(team, curl, valkey, tmp_path):
    """T12: a pickle in the queue is not opened; a job that was forged or moved is not run."""
    made = team.replica()
    job = await curl.submit(made, "work", seconds=0.1)
    with valkey.client() as client:
        (entry,) = client.xrange(f"{NAME}:jobs:stream")
        ran = tmp_path / "ran"
        bomb = pickle.dumps(Bomb(str(ran)))
        forged = {
            **entry[1],
            b"key": b"forged",
            b"generation": b"0",
            b"args": bomb,
            b"kwargs": bomb,
        }
        client.xadd(f"{NAME}:jobs:stream", forged)
        # Another job's call under this job's name:
        copied = client.hgetall(f"{NAME}:job:{{{job}}}")
        client.hset(f"{NAME}:job:{{moved}}", mapping=copied)
        moved = {**entry[1], b"key": b"moved", b"generation": b"0"}
        client.xadd(f"{NAME}:jobs:stream", moved)
    worker = team.worker()
    assert await curl.text(made, job) == "worked 0.1 s"
    worker.wait_for_log("cannot be decrypted", seconds=SECONDS_TO_SETTLE)
    assert not ran.exists()
    assert await curl.text(made, await curl.submit(made, "work", seconds=0.1)) == "worked 0.1 s"


class Bomb:
    """What a pickle can do."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


async def test_with_pickles_a_writer_to_redis_runs_what_it_likes(team, curl, valkey, tmp_path):
    """The control: Docket as it comes opens the file."""
    made = team.replica(without=["json-payloads"])
    await curl.submit(made, "work", seconds=0.1)
    ran = tmp_path / "ran"
    with valkey.client() as client:
        (entry,) = client.xrange(f"{NAME}:jobs:stream")
        bomb = pickle.dumps(Bomb(str(ran)))
        forged = {**entry[1], b"key": b"forged", b"generation": b"0", b"args": bomb}
        client.xadd(f"{NAME}:jobs:stream", forged)
    team.worker(without=["json-payloads"])
    await there(ran)


async def test_keys_rotate_while_jobs_wait(team, curl, key):
    """The new key seals, the old one still opens."""
    old, new = key, "n" * 40
    job = await curl.submit(team.replica(), "work", seconds=0.1)
    team.settings["MCP_REQUEST_STATE_KEYS"] = f"{new},{old}"
    team.worker()
    assert await curl.text(team.replica(), job) == "worked 0.1 s"
