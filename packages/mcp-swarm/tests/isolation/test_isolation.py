"""Whatever a component raises ends its own call, and nothing else."""

import asyncio
import secrets
import signal

import httpx2
import pytest

from lab.legacy import Session
from lab.mcp_wire import ERAS, answer, call, request, text, with_headers
from lab.modes import MODES, Served, serving
from lab.sample.stray._raised import EXCEPTIONS, WAYS

pytestmark = pytest.mark.processes

PACKAGES = ("lab.sample.stray", "lab.sample.tools")
# By the fast path, and by the framework's own: no float holds this id.
IDS = (100, 9007199254740993)
ANYWHERE = tuple(EXCEPTIONS)
IN_THE_LOOP = (*EXCEPTIONS, *WAYS)
COMPONENTS = {
    "tools/call": {
        ("fails", IN_THE_LOOP),
        ("fails_in_a_thread", ANYWHERE),
        ("depends", IN_THE_LOOP),
    },
    "resources/read": {
        ("stray://fails", IN_THE_LOOP),
        ("stray://thread", ANYWHERE),
        ("stray://made/one", IN_THE_LOOP),
    },
    "prompts/get": {
        ("fails_to_render", IN_THE_LOOP),
        ("fails_to_render_in_a_thread", ANYWHERE),
    },
}


@pytest.fixture(scope="module", params=MODES)
def served(request, tmp_path_factory):
    """A replica in each mode; the calls of this file share it, whatever they raise."""
    with serving(request.param, tmp_path_factory.mktemp("isolation"), PACKAGES) as made:
        yield request.param, made


@pytest.fixture
async def caller(served, http):
    """A client of that replica."""
    return Served(*served, http)


def asked(method, name, era, request_id, raised):
    """A request for a component that shall raise."""
    named = {"uri": name} if method == "resources/read" else {"name": name}
    made = request(method, era, request_id, **named)
    return with_headers(made, X_Raised=raised)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("method", COMPONENTS)
async def test_what_it_raises_is_answered_as_an_error_and_logged(caller, method, era):
    """As an ordinary error is: masked, at once, and with its cause in the log."""
    before = text(await caller.post(era, call("pid", era)))
    wrong = []
    for name, ways in sorted(COMPONENTS[method]):
        for request_id in IDS:
            marks = {way: secrets.token_hex(6) for way in ways}
            raised = [f"{way} {mark}" for way, mark in marks.items()]
            async with asyncio.timeout(20):
                answers = await asyncio.gather(
                    *(
                        caller.post(era, asked(method, name, era, request_id + number, each))
                        for number, each in enumerate(raised)
                    )
                )
            usual = answer(answers[0])
            assert usual.get("error") or usual["result"]["isError"]
            for number, (way, mark) in enumerate(marks.items()):
                given = answers[number]
                same = given.status_code == answers[0].status_code
                same = same and answer(given) == {**usual, "id": request_id + number}
                logged = caller.replica.log.count(f"hunter2-{mark}")
                # CPython closes what waits for the thread when it hears GeneratorExit: no text.
                textless = way == "generator-exit" and "thread" in name and not logged
                if not same or not (textless or logged == 1) or "hunter2" in given.text:
                    wrong.append((name, request_id, way, given.status_code, given.text, logged))
    assert not wrong
    assert text(await caller.post(era, call("pid", era))) == before
    assert (await caller.http.get(f"{caller.replica.base}/readyz")).status_code == 200


@pytest.mark.parametrize("era", ERAS)
async def test_what_our_middleware_raises_is_answered_too(caller, era):
    """Around a component, and around a list, which has none."""
    mark = secrets.token_hex(6)
    listed = await caller.post(
        era, with_headers(request("tools/list", era), X_Middleware_Exits=f"hunter2-{mark}-list")
    )
    called = await caller.post(
        era, with_headers(call("pid", era), X_Middleware_Exits=f"hunter2-{mark}")
    )
    assert answer(listed)["error"] == {"code": -32603, "message": "Internal server error"}
    assert text(called) == "Error calling tool 'pid'"
    assert "hunter2" not in listed.text + called.text
    assert caller.replica.log.count(f"SystemExit: hunter2-{mark}\n") == 1
    assert caller.replica.log.count(f"SystemExit: hunter2-{mark}-list\n") == 1


async def test_what_a_tool_leaves_behind_ends_alone(caller):
    """A task or a callback that exits; nobody waits for it any more, and the log has it."""
    before = text(await caller.post("modern", call("pid")))
    ended = "SystemExit raised at .*: only its task or callback has ended"
    for what, log in (("task", ended), ("callback", f"(?s){ended}.*{ended}")):
        assert text(await caller.post("modern", call("leaves", what=what))) == "done"
        await caller.replica.logged(log)
    assert "components.py" in caller.replica.log
    assert text(await caller.post("modern", call("pid"))) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_still_stops_the_process_in_order(replica, http, number):
    """After calls that raised what a signal would; the call in flight is finished."""
    made = replica(packages=PACKAGES)
    for raised in EXCEPTIONS:
        await http.post(made.url, **asked("tools/call", "fails", "modern", 1, f"{raised} 1"))
    slow = asyncio.create_task(http.post(made.url, **call("sleep", seconds=0.5)))
    await made.logged("the sleep begins")
    assert await asyncio.to_thread(made.stop, number) == 0
    assert text(await slow) == "slept 0.5 s"


def killed(without):
    """A replica without a protection, which a call may kill."""
    return {"packages": PACKAGES, "without": without}


@pytest.mark.parametrize("raised", ["exit", "interrupt"])
async def test_without_isolation_one_call_ends_the_process(replica, http, raised):
    """The control: it is gone at once, and so are the other calls."""
    made = replica(**killed(["isolation", "loop-guard"]))
    other = asyncio.create_task(http.post(made.url, **call("sleep", seconds=60)))
    await made.logged("the sleep begins")
    with pytest.raises(httpx2.TransportError):
        await http.post(made.url, **asked("tools/call", "fails", "modern", 1, f"{raised} 1"))
    assert await asyncio.to_thread(made.wait) != 0
    with pytest.raises(httpx2.TransportError):
        await other


async def test_without_the_loops_guard_a_task_that_was_left_ends_the_process(replica, http):
    """The control: the call itself was answered."""
    made = replica(**killed(["loop-guard"]))
    assert text(await http.post(made.url, **call("leaves", what="task"))) == "done"
    assert await asyncio.to_thread(made.wait) != 0


async def test_plain_fastmcp_serves_nobody_after_a_panic_in_a_session(replica, http):
    """The control: one call ends the SDK's task group, and every later request is a 500."""
    made = replica(**killed(["everything"]), MCP_STATELESS_HTTP="false")
    session = await Session(http, [made]).open()
    await session.post(asked("tools/call", "fails", "legacy", 2, "panic 1"))
    for _ in range(100):  # the group ends after the call's answer
        later = await http.post(made.url, **request("tools/list", "legacy"))
        if later.status_code == 500:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(later.text)
