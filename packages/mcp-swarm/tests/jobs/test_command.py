"""`python -m server jobs`: how it goes, what has failed, once more with it."""

import asyncio
import time

import pytest

from lab.jobs.team import effects
from lab.service_name import NAME


@pytest.mark.timeout(400)
async def test_what_failed_for_good_is_listed_and_retried(team, curl, fresh, valkey, tmp_path):
    """With its reason; once what was wrong is right, it is queued again and ends well."""
    made = team.replica()
    settings = {**team.settings, "MCP_TASK_ATTEMPTS": 2}
    team.worker(**settings)
    job = await curl.submit(made, "flaky", folder=str(tmp_path), fails=3)
    await curl.until(made, job)
    done = await curl.submit(made, "work", seconds=0.2)
    await curl.until(made, done)

    async def command(*rest):
        ran = fresh("-m", "lab.jobs.command", *rest, **settings)
        return await asyncio.to_thread(ran.wait, 120), ran.log

    (code, reported), (nothing, _) = await asyncio.gather(command(), command("retry", "nothing"))
    assert (code, nothing) == (1, 1)
    assert "0 queued, 0 running, 1 failed" in reported
    assert "flaky: busy, try 2" in reported
    assert job in reported
    figures = next(line.split() for line in reported.splitlines() if line.startswith("work "))
    assert figures[1:5] == ["1", "1", "0", "0"]
    assert float(figures[7]) >= 0.2
    with valkey.client() as client:
        client.hset(f"{NAME}:job:{{{job}}}", "created", str(time.time() - 3600))
    code, reported = await command("retry", job)
    assert (code, reported.splitlines()[-1]) == (0, f"{job}  queued again")
    assert await curl.text(made, job) == "done on try 4"
    assert effects(tmp_path) == ["try"] * 4
    code, reported = await command()
    assert code == 0
    figures = next(line.split() for line in reported.splitlines() if line.startswith("flaky "))
    assert figures[1:5] == ["2", "1", "1", "0"]
    assert float(figures[5]) < 1000, "it waits since it was queued once more"
    code, reported = await command("retry", "all")
    assert (code, reported.splitlines()[-1]) == (0, "no job has failed")


@pytest.mark.timeout(180)
def test_without_a_shared_queue_there_is_nothing_to_look_into(fresh):
    """It says whom to ask instead."""
    ran = fresh("-m", "lab.jobs.command")
    assert ran.wait(120) == 3
    assert "REDIS_URL" in ran.log


@pytest.mark.timeout(400)
def test_what_cannot_be_done_is_told_in_a_line(fresh, key):
    """Wrong words, and a Redis that does not answer: no traceback, and never exit 0."""
    for words in (["delete"], ["retry"]):
        wrong = fresh("-m", "server", "jobs", *words)
        assert wrong.wait(120) == 2
        assert "retry" in wrong.log
    nobody = {"REDIS_URL": "redis://127.0.0.1:1", "MCP_REQUEST_STATE_KEYS": key}
    away = fresh("-m", "lab.jobs.command", "retry", "all", **nobody)
    assert away.wait(120) == 3
    assert "REDIS_URL" in away.log
    assert "Traceback" not in away.log
