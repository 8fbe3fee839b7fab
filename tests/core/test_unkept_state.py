"""`ctx.set_state` where there is no session to keep it in: the call goes on, the operator is told."""

import pytest

from tests.core.legacy import PACKAGES, SETTINGS, Session
from tests.speak import ERAS, call, text

WORD = "keeps something by ctx.set_state, which is gone after the call"


def warnings(made):
    return [line for line in made.log.splitlines() if WORD in line]


@pytest.mark.parametrize("without", [(), ("short-path",)], ids=["short path", "framework"])
@pytest.mark.parametrize("era", ERAS)
async def test_one_warning_a_tool_names_what_to_change(replica, http, era, without):
    """However often it is called; a tool that only looks is not meant."""
    made = replica(packages=PACKAGES, without=without)
    for _ in range(3):
        assert text(await http.post(made.url, **call("note_fact", era, fact="x"))) == "noted"
        assert text(await http.post(made.url, **call("noted_fact", era))) == "None"
    (line,) = warnings(made)
    assert "WARNING" in line
    assert "tools/call 'note_fact'" in line
    assert "MCP_STATELESS_HTTP=false" in line
    assert "UserSession" in line


@pytest.mark.parametrize("shared", [True, False], ids=["redis", "memory"])
async def test_a_session_keeps_it_and_nothing_is_warned_of(service, replica, http, shared):
    """Clients of 2026-07-28 have none there either: their call is warned of, without a setting."""
    made = (service if shared else replica)(**SETTINGS)
    session = await Session(http, [made]).open()
    await session.call("note_fact", fact="x")
    assert text(await session.call("noted_fact")) == "x"
    assert warnings(made) == []
    await http.post(made.url, **call("note_fact", fact="x"))
    (line,) = warnings(made)
    assert "MCP_STATELESS_HTTP" not in line
    assert "clients of 2026-07-28" in line


async def test_what_is_kept_for_the_call_alone_is_not_meant(replica, http):
    """`serializable=False` says that it is."""
    made = replica(packages=PACKAGES)
    assert text(await http.post(made.url, **call("note_for_now"))) == "now"
    assert warnings(made) == []
