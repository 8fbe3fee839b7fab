"""State of a caller: shared by the replicas of one service over Redis, and never for ever."""

import asyncio
import hashlib
from collections.abc import Iterator

import pytest

from lab import valkey as valkeys
from lab.mcp_wire import call, text, with_headers
from lab.slow_redis import by, losing
from mcp_swarm.redis.pipeline import Script
from mcp_swarm.redis.user_state import _CHANGE, TTL

CALLERS = "\n".join(
    f"- sha256: {hashlib.sha256(f'token-{n}'.encode()).hexdigest()}\n  client: {n}" for n in "ab"
)


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[valkeys.Valkey]:
    """A real Valkey of these tests' own."""
    with valkeys.serving(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def service(replica, valkey, tmp_path, key):
    """Replicas that share this Valkey; two callers, `a` and `b`."""
    (tmp_path / "callers.yml").write_text(CALLERS)

    def start(**settings):
        return replica(
            **{
                "AUTH_ENABLED": "true",
                "AUTH_TOKENS_FILE": tmp_path / "callers.yml",
                "REDIS_URL": valkey.url,
                "MCP_REQUEST_STATE_KEYS": key,
                **settings,
            }
        )

    return start


async def ask(http, made, who, tool, **arguments):
    asked = with_headers(call(tool, **arguments), Authorization=f"Bearer token-{who}")
    return text(await http.post(made.url, **asked))


async def test_what_one_replica_keeps_another_gives_back(service, http):
    """To the same caller only."""
    one, two = service(), service()
    assert await ask(http, one, "a", "remember", fact="blue") == "kept"
    assert await ask(http, two, "a", "recall") == "blue"
    assert await ask(http, two, "b", "recall") == "nothing"


async def test_services_on_one_redis_do_not_share(service, http, valkey):
    """The name of the service is part of the key."""
    url = valkey.url_of("another-service")
    one, other = service(), service(MCP_NAME="another-service", REDIS_URL=url)
    await ask(http, one, "a", "remember", fact="green")
    assert await ask(http, other, "a", "recall") == "nothing"


async def test_every_key_has_a_time_to_live(service, http, valkey):
    """FastMCP sets none: abandoned state would fill Redis."""
    await ask(http, service(), "a", "remember", fact="red")
    with valkey.client() as client:
        lives = {k: client.ttl(k) for k in client.scan_iter()}
    assert lives
    assert all(0 < ttl <= TTL for ttl in lives.values()), lives


async def test_an_update_counts_once_though_redis_was_asked_twice(service, http, valkey):
    """The answer was lost with its connection: the change is sent again, and was done already."""
    async with losing(valkey, Script(_CHANGE)) as port:
        made = await asyncio.to_thread(service, **by(valkey, port))
        assert await ask(http, made, "b", "visit") == "1"
        assert await asyncio.to_thread(made.stop) == 0


async def test_in_memory_state_is_this_replicas_own(replica, http):
    """The control: with memory:// nothing is shared, which is why it is for one process."""
    one, two = (replica(AUTH_ENABLED="true", AUTH_TOKEN="token-a") for _ in range(2))
    await ask(http, one, "a", "remember", fact="blue")
    assert await ask(http, one, "a", "recall") == "blue"
    assert await ask(http, two, "a", "recall") == "nothing"


async def test_plain_calls_are_served_while_redis_is_away(replica, http, key):
    """A replica that cannot reach Redis still answers what needs no state, and starts."""
    made = replica(REDIS_URL="redis://127.0.0.1:1/0", MCP_REQUEST_STATE_KEYS=key)
    assert text(await http.post(made.url, **call("echo", text="x"))) == "x"
    assert made.stop() == 0
