"""Values that JSON cannot hold, or can and UTF-8 cannot: told as such, and nobody stumbles over them."""

import json
import math

import pytest
from pydantic_core import from_json

from lab.jobs.team import SAMPLE, effects
from lab.jobs.wire import as_task
from lab.mcp_wire import answer, call
from mcp_swarm.jobs import outcome
from mcp_swarm.jobs.api.routes import _names
from mcp_swarm.jobs.errors import Retryable

HALF = "half a pair: \ud800"
REPLACED = "half a pair: \ufffd"


async def test_odd_arguments_are_refused_in_words(shared_replica, http):
    """Half a surrogate pair, and what is a number in Python only; over HTTP and as a task."""
    made = shared_replica(packages=SAMPLE)
    for seconds, secret in (("0.1", r'"\ud800"'), ("NaN", '"x"'), ("[" * 5000, '"x"')):
        arguments = f'{{"seconds": {seconds}, "secret": {secret}}}'
        body = f'{{"tool": "work", "arguments": {arguments}}}'
        assert (await http.post(f"{made.base}/jobs", content=body)).status_code == 422, body
    sent = as_task("work", seconds=0.1, secret=HALF)
    content = json.dumps(sent["json"])
    refused = await http.post(made.url, headers=sent["headers"], content=content)
    assert answer(refused)["error"]["code"] == -32602


async def test_odd_progress_and_results_can_be_polled_and_had(shared_replica, curl, tmp_path):
    """What is no number is left out; a lone surrogate is replaced, as in every other answer."""
    made = shared_replica(packages=SAMPLE)
    job = await curl.submit(made, "odd", folder=str(tmp_path))
    reported = await curl.until_it_says(made, job, REPLACED)
    assert not {"progress", "total", "rate", "fraction"} & reported.keys()
    (tmp_path / "end").touch()
    assert await curl.text(made, job) == REPLACED


async def test_a_jobs_result_is_the_json_of_a_direct_call(shared_replica, http, curl):
    """Over HTTP, by the tool for it, and directly: NaN is null, a lone surrogate is replaced."""
    made = shared_replica(packages=SAMPLE)
    job = await curl.submit(made, "loose")
    await curl.text(made, job)
    content = {"mean": None, "name": "a\ufffd"}
    got = await http.get(f"{made.base}/jobs/{job}/result")
    assert from_json(got.content, allow_inf_nan=False)["structuredContent"] == content
    for asked in (call("job_result", job_id=job), call("loose"), call("loose", "legacy")):
        got = await http.post(made.url, **asked)
        result = from_json(got.content, allow_inf_nan=False)["result"]
        assert result["structuredContent"] == content


async def test_a_job_whose_result_breaks_its_output_schema_says_so(shared_replica, curl):
    """As a direct call would; it is not tried again."""
    made = shared_replica(packages=SAMPLE)
    job = await curl.submit(made, "misshapen")
    reported = await curl.text(made, job)
    assert "'misshapen' does not conform to the tool's output schema: at 'mean'" in reported
    assert (await curl.status(made, job))["is_error"]


async def test_a_job_that_returns_an_object_says_so(shared_replica, curl):
    """As a direct call does: its type is named, not its address."""
    made = shared_replica(packages=SAMPLE)
    said = await curl.text(made, await curl.submit(made, "gives_an_object"))
    assert said.startswith(
        "The result of tool 'gives_an_object' has an object of type object, which"
    )


async def test_a_result_that_cannot_be_written_is_an_error_and_not_tried_again(
    replica, curl, tmp_path
):
    """The next start would come to the same."""
    made = replica(packages=SAMPLE, MCP_TASK_REDELIVERY_SECONDS=2)
    job = await curl.submit(made, "unwritable", folder=str(tmp_path))
    assert await curl.text(made, job) == "Error calling tool 'unwritable'"
    assert (await curl.status(made, job))["is_error"]
    assert effects(tmp_path) == ["ran"]


@pytest.mark.parametrize(
    ("asked", "kept"),
    [(2, 2.0), (-1, 0.0), (1e9, 86400.0), (math.nan, None), (math.inf, None), ("2", None)],
)
def test_a_pause_before_the_next_try_is_one_that_ends(asked, kept):
    """What is none is replaced by the usual one."""
    assert outcome.is_retryable(Retryable("busy", after=asked)) == (True, kept)


@pytest.mark.parametrize(
    ("accept", "asks"),
    [
        ("text/csv", True),
        ("application/json, Text/CSV;q=0.5", True),
        ("text/csv;charset=utf-8", True),
        ("text/csv;q=0", False),
        ("text/csv; q=0.000, */*", False),
        ("text/csv-schema", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_a_file_is_given_to_who_asks_for_its_type(accept, asks):
    """By name, not by a wildcard or a longer name (RFC 9110 §12.5.1)."""
    assert _names(accept, "text/csv; header=present") == asks
