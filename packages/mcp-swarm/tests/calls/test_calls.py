"""Direct calls: errors are masked, input is strict, time is limited."""

import asyncio

import pytest

from lab.mcp_wire import ERAS, answer, call, is_error, request, stream, text

pytestmark = pytest.mark.processes

LIMIT = "0.6"


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    """A replica whose calls may take 0.6 s, streaming."""
    from lab import replica as replicas

    made = replicas.start(
        tmp_path_factory.mktemp("hasty"), MCP_CALL_TIMEOUT=LIMIT, MCP_JSON_RESPONSE="false"
    )
    try:
        made.wait_until_ready()
        yield made
    finally:
        made.end()


@pytest.mark.parametrize("era", ERAS)
async def test_an_error_in_a_tool_is_masked(shared, http, era):
    """The caller learns which tool failed, the log why."""
    response = await http.post(shared.url, **call("fail", era))
    assert is_error(response)
    assert text(response) == "Error calling tool 'fail'"
    assert "hunter2" not in response.text
    assert "hunter2" in shared.log


@pytest.mark.parametrize("era", ERAS)
async def test_an_error_in_a_resource_is_masked(shared, http, era):
    """The same for what is read."""
    response = await http.post(shared.url, **request("resources/read", era, uri="sample://broken"))
    assert "error" in answer(response)
    assert "hunter2" not in response.text


async def test_unmasked_the_secret_would_be_told(replica, http):
    """The control: FastMCP's own default shows an exception's text (trap T16)."""
    made = replica(without=["masking"])
    assert "hunter2" in (await http.post(made.url, **call("fail"))).text


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("wrong", ["41", 1.5, None, True, [1]])
async def test_input_is_strict(shared, http, era, wrong):
    """A model that sends "41" for a number learns it at once."""
    response = await http.post(shared.url, **call("add", era, a=wrong, b=1))
    assert is_error(response) or "error" in answer(response)
    assert "Traceback" not in response.text


async def test_lax_input_would_be_coerced(replica, http):
    """The control: FastMCP's own default takes "41" for 41 (trap T16)."""
    made = replica(without=["strict-input"])
    assert text(await http.post(made.url, **call("add", a="41", b=1))) == "42"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("arguments", [{}, {"a": 1}, {"a": 1, "b": 2, "c": 3}])
async def test_missing_and_unknown_arguments_are_refused(shared, http, era, arguments):
    """The schema is what was promised."""
    response = await http.post(shared.url, **call("add", era, **arguments))
    assert "error" in answer(response) or is_error(response)


@pytest.mark.parametrize("era", ERAS)
async def test_an_unknown_tool_is_named(shared, http, era):
    """No stack, no list of what there is."""
    response = await http.post(shared.url, **call("nope", era))
    assert response.status_code == 200
    assert "Unknown tool: 'nope'" in response.text


@pytest.mark.parametrize("era", ERAS)
async def test_an_unknown_resource_and_prompt_are_errors(shared, http, era):
    """Told as JSON-RPC errors, by what was asked for."""
    for method, params in (
        ("resources/read", {"uri": "sample://nope"}),
        ("prompts/get", {"name": "nope"}),
    ):
        error = answer(await http.post(shared.url, **request(method, era, **params)))["error"]
        assert "nope" in error["message"]


@pytest.mark.parametrize("era", ERAS)
async def test_resources_templates_and_prompts_answer(shared, http, era):
    """The happy path of what is not a tool."""
    read = await http.post(shared.url, **request("resources/read", era, uri="sample://greeting"))
    assert answer(read)["result"]["contents"][0]["text"] == "hello"
    read = await http.post(shared.url, **request("resources/read", era, uri="sample://square/7"))
    assert answer(read)["result"]["contents"][0]["text"] == "49"
    asked = request("prompts/get", era, name="greet", arguments={"name": "Ada"})
    got = answer(await http.post(shared.url, **asked))["result"]
    assert got["messages"][0]["content"]["text"] == "Greet Ada."


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("tool", ["sleep", "block"])
async def test_a_call_over_the_limit_is_told_so(hasty, http, era, tool):
    """At the limit, not when a blocked thread is done; the setting is named."""
    response = await asyncio.wait_for(http.post(hasty.url, **call(tool, era, seconds=30)), 25)
    assert is_error(response)
    assert f"Tool '{tool}' did not finish within {LIMIT} s (MCP_CALL_TIMEOUT)" in text(response)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("method", "params", "what"),
    [
        ("resources/read", {"uri": "sample://slow"}, "Resource 'sample://slow'"),
        ("prompts/get", {"name": "ponder"}, "Prompt 'ponder'"),
    ],
)
async def test_a_slow_resource_or_prompt_is_ended_too(hasty, http, era, method, params, what):
    """Their errors are JSON-RPC errors: they have no result that could say it."""
    error = answer(await http.post(hasty.url, **request(method, era, **params)))["error"]
    assert error["code"] == -31001
    assert f"{what} did not finish within {LIMIT} s (MCP_CALL_TIMEOUT)" in error["message"]


async def over_the_limit(http, made, tool):
    """Calls it until it has begun: on a busy machine so short a limit may come before."""
    for _ in range(20):
        await http.post(made.url, **call(tool, seconds=30))
        if "the sleep begins" in made.log:
            return
    raise AssertionError("it never began")


async def test_a_call_over_the_limit_is_cancelled(hasty, http):
    """It does not go on in the background at the replica's cost."""
    await over_the_limit(http, hasty, "sleep")
    hasty.wait_for_log("the sleep was cancelled")
    assert "never retrieved" not in hasty.log


async def test_blocked_threads_do_not_stop_other_calls(hasty, http):
    """Threads left behind are only threads: the replica answers the next call.

    The limit is so short that on a busy machine it may come before the first one's answer.
    """
    blocked = [http.post(hasty.url, **call("block", seconds=30)) for _ in range(5)]
    await asyncio.gather(*blocked)
    reported = [text(await http.post(hasty.url, **call("echo", text="x"))) for _ in range(10)]
    assert "x" in reported


async def test_without_the_limit_a_call_goes_on(replica, http):
    """The control: it is the middleware that ends it."""
    made = replica(MCP_CALL_TIMEOUT=LIMIT, without=["call-timeout"])
    assert text(await http.post(made.url, **call("sleep", seconds=1))) == "slept 1 s"


async def test_a_client_that_leaves_cancels_its_call_where_the_answer_streams(replica, http):
    """2026-07-28, streaming: the closed connection is the cancellation."""
    made = replica(MCP_JSON_RESPONSE="false")
    leaving = asyncio.create_task(http.post(made.url, **call("sleep", seconds=30)))
    await made.logged("the sleep begins")
    leaving.cancel()
    await made.logged("the sleep was cancelled")
    assert made.stop() == 0
    assert "Traceback" not in made.log
    assert "never retrieved" not in made.log


@pytest.mark.parametrize("limit", ["30", LIMIT])
async def test_clean_up_that_fails_is_not_a_stray_error(replica, http, limit):
    """The client left or the limit came: nobody waits for the error any more."""
    made = replica(MCP_JSON_RESPONSE="false", MCP_CALL_TIMEOUT=limit)
    if limit == LIMIT:
        await over_the_limit(http, made, "sore")
    else:
        calling = asyncio.create_task(http.post(made.url, **call("sore", seconds=30)))
        await made.logged("the sleep begins")
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
    await made.logged("the clean-up fails")
    assert made.stop() == 0
    assert "never retrieved" not in made.log


async def test_progress_streams_while_the_call_runs(streaming, http):
    """Streaming mode gives back what JSON mode drops (trap T2)."""
    asked = call("count", to=3)
    asked["json"]["params"]["_meta"] |= {"progressToken": "p"}
    async with http.stream("POST", streaming.url, **asked) as response:
        got = [message async for message in stream(response)]
    steps = [m["params"]["progress"] for m in got if m.get("method") == "notifications/progress"]
    assert steps == [1, 2, 3]
    assert got[-1]["result"]["content"][0]["text"] == "counted to 3"


async def test_in_json_mode_progress_is_dropped_and_the_result_is_right(shared, http):
    """Trap T2 as it is: the default answers in one piece."""
    asked = call("count", to=3)
    asked["json"]["params"]["_meta"] |= {"progressToken": "p"}
    response = await http.post(shared.url, **asked)
    assert response.headers["content-type"] == "application/json"
    assert text(response) == "counted to 3"
