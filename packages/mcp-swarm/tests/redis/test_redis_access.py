"""The one user that Redis lets in: what it may not do, and what is said when it may too little."""

import re

import pytest
import redis

from lab.legacy import SETTINGS, Session
from lab.mcp_wire import answer, call, text
from lab.replica import SAMPLE, SECONDS_TO_START
from lab.service_name import NAME
from lab.valkey import PASSWORD

OTHER = f"not-{NAME}"
BEYOND = (
    "FLUSHALL",
    "FLUSHDB",
    "KEYS *",
    "SCAN 0",
    "RANDOMKEY",
    "CONFIG GET *",
    "CONFIG SET requirepass x",
    "SHUTDOWN NOSAVE",
    "SAVE",
    "BGSAVE",
    "BGREWRITEAOF",
    "MIGRATE 127.0.0.1 1 own:x 0 1",
    "REPLICAOF 127.0.0.1 1",
    "MODULE LIST",
    "ACL LIST",
    "ACL SETUSER mcp +@all",
    "MONITOR",
    "SWAPDB 0 1",
    "CLIENT LIST",
    "CLIENT KILL TYPE normal",
    "CLIENT TRACKING ON BCAST",
    "SCRIPT FLUSH",
    "FUNCTION FLUSH",
    "PUBSUB CHANNELS",
    # what others keep, and say
    "GET other:secret",
    "SET other:secret mine",
    "DEL other:secret",
    "EXISTS own-live:x",
    "COPY other:secret own:mine",
    "PUBLISH other:events x",
    "SUBSCRIBE other:events",
    "PSUBSCRIBE *",
)
SCRIPTS = (f"return redis.call('GET', '{OTHER}:secret')", "return redis.call('FLUSHALL')")


AWAY = '"code":-31002'


@pytest.fixture
def refused(valkey):
    """What was refused is what the test is about; it is not held against it in the end."""
    yield
    valkey.refused()


def named(command: str) -> list[str]:
    """The words of a command on keys and channels of ``own`` and ``other``, with their real names."""
    names = {"own": NAME, "own-live": f"{NAME}-live", "other": OTHER}
    parts = [word.split(":") for word in command.split()]
    return [":".join(names.get(part, part) for part in word) for word in parts]


def why_not(client: redis.Redis, *words: str) -> str:
    """What Redis answers, a refusal too."""
    try:
        return repr(client.execute_command(*words))
    except redis.ResponseError as error:
        return str(error)


@pytest.mark.usefixtures("refused")
def test_the_user_of_the_stack_may_touch_its_own_keys_alone(valkey):
    """Nothing else of the server's, of others', or of what they share."""
    with valkey.client() as admin, redis.Redis.from_url(valkey.url) as client:
        admin.set(f"{OTHER}:secret", "theirs")
        assert client.set(f"{NAME}:x", "mine")
        for asked in BEYOND:
            assert "permissions" in why_not(client, *named(asked)), asked
        for script in SCRIPTS:
            assert "ermissions" in why_not(client, "EVAL", script, "0"), script
        assert admin.get(f"{OTHER}:secret") == b"theirs"
        # switched off for all until it is switched on
        assert "permissions" in why_not(admin, *["ACL", "DRYRUN", "mcp", "DEBUG", "SLEEP", "0"])
        # the control: there is something that could have been done
        assert set(admin.keys()) == {f"{OTHER}:secret".encode(), f"{NAME}:x".encode()}


@pytest.mark.usefixtures("refused")
def test_nobody_else_may_touch_any(valkey):
    """Who has no name is not let in; the user of the health check may ask whether Redis is there."""
    with valkey.client(username="health", password="any") as health:
        assert health.ping()
        assert "no permissions" in why_not(health, "GET", f"{NAME}:x")
    for nobody in ({"username": None, "password": None}, {"username": "mcp", "password": "guess"}):
        with valkey.client(**nobody) as client, pytest.raises(redis.AuthenticationError):
            client.ping()


@pytest.mark.parametrize(
    ("process", "wrong", "names"),
    [
        ("replica", {"REDIS_URL": "redis://mcp:secret-guess@127.0.0.1:{port}/0"}, "user 'mcp'"),
        ("replica", {"REDIS_URL": "redis://127.0.0.1:{port}/0"}, "user 'default'"),
        ("replica", {"MCP_NAME": OTHER}, f"'{OTHER}' (MCP_NAME)"),
        ("worker", {"MCP_NAME": OTHER}, f"'{OTHER}' (MCP_NAME)"),
        ("jobs", {"REDIS_URL": "redis://mcp:secret-guess@127.0.0.1:{port}/0"}, "user 'mcp'"),
    ],
    ids=["wrong password", "no user", "another's keys", "a worker", "the jobs command"],
)
@pytest.mark.usefixtures("refused")
def test_who_is_not_let_in_does_not_start(service, fresh, valkey, key, process, wrong, names):
    """One line says what is wrong and what to do; exit 3. A replica would else serve half.

    They do not wait here, as replicas and workers do: see below.
    """
    wrong = {name: value.format(port=valkey.port) for name, value in wrong.items()}
    if process == "jobs":
        made = fresh("-m", "lab.jobs.command", MCP_REQUEST_STATE_KEYS=key, **wrong)
    else:
        packages = ("lab.jobs.sample",)
        made = service(
            packages=packages,
            worker=process == "worker",
            ready=False,
            without=["access-retry"],
            **wrong,
        )
    assert made.wait(SECONDS_TO_START) == 3
    (error,) = [
        line
        for line in made.log.splitlines()
        if re.search("Redis (rejects the login|denies)", line)
    ]
    assert "Next: " in error
    assert "start.sh" in error
    assert names in error
    for never in ("Traceback", "secret-guess", PASSWORD):
        assert never not in made.log


@pytest.mark.usefixtures("refused")
def test_a_refusal_at_the_start_may_be_over_in_a_moment(service, valkey):
    """As when a deploy replaces Redis, for another password, and the replicas at the same time."""
    with valkey.client() as admin:
        admin.execute_command("ACL", "SETUSER", "mcp", "off")
        made = service(ready=False)
        made.wait_for_log("waiting for Redis: Redis rejects the login of user 'mcp'")
        admin.execute_command("ACL", "SETUSER", "mcp", "on")
    made.wait_until_ready()


@pytest.mark.usefixtures("refused")
async def test_what_is_refused_later_is_told(service, http, valkey):
    """The caller may try again; the log says what Redis refused, which trying does not mend."""
    made = service(AUTH_ENABLED="true", AUTH_TOKEN="a", **{**SETTINGS, "packages": SAMPLE})
    http.headers["Authorization"] = "Bearer a"
    session = await Session(http, [made]).open()

    async def visit():
        return await http.post(made.url, **call("visit"))

    with valkey.client() as admin:
        admin.execute_command("ACL", "SETUSER", "mcp", "-@hash")
        for _ in range(2):
            assert AWAY in (await visit()).text
        assert made.log.count("Redis rejects a command: User mcp") == 1
        response = await session.call("visit")
        assert AWAY in response.text
        assert answer(response)["error"]["data"]["executed"] == "unknown"
        assert "Redis rejects a command: ACL failure in script" in made.log
        admin.execute_command("ACL", "SETUSER", "mcp", "+@hash")
    assert answer(await visit())["result"]["structuredContent"] == {"result": 1}
    assert text(await session.call("visit")) == "2"
