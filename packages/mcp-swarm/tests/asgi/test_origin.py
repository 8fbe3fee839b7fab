"""Who may call: the Host and Origin checks, and CORS for the browser clients among them."""

import asyncio

import pytest

from lab.mcp_wire import call, text, with_headers
from mcp_swarm.asgi.origin import OriginMiddleware, host_name

pytestmark = pytest.mark.processes

APP = "https://app.example.com"


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """A replica with a name of its own, a wildcard, and one web page that may call."""
    from lab import replica as replicas

    made = replicas.start(
        tmp_path_factory.mktemp("named"),
        MCP_ALLOWED_HOSTS="mcp.example.com,*.wild.example,[2001:db8::1]",
        MCP_ALLOWED_ORIGINS=f"{APP}/, https://Other.example",
    )
    try:
        made.wait_until_ready()
        yield made
    finally:
        made.end()


async def status(http, base, host=None, origin=None):
    headers = {}
    if host is not None:
        headers["Host"] = host
    if origin is not None:
        headers["Origin"] = origin
    return (await http.get(f"{base}/version", headers=headers)).status_code


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8150",
        "LOCALHOST",
        "127.0.0.1:80",
        "[::1]",
        "[::1]:8150",
        "mcp.example.com",
        "MCP.example.com:443",
        "a.wild.example",
        "a.b.wild.example:8150",
        "[2001:db8::1]:8150",
    ],
)
async def test_our_own_hosts_are_served(named, http, host):
    """Localhost always, then what MCP_ALLOWED_HOSTS names, with any port."""
    assert await status(http, named.base, host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "mcp.example.com.evil.example",
        "evil-mcp.example.com",
        "wild.example",
        "127.0.0.1.evil.example",
        "127.0.0.2",
        "[2001:db8::2]",
        "mcp.example.com@evil.example",
        "",
    ],
)
async def test_foreign_hosts_are_misdirected(named, http, host):
    """A rebound DNS name shows itself by its Host: 421, as problem details."""
    response = await http.get(f"{named.base}/version", headers={"Host": host})
    assert response.status_code == 421
    assert response.headers["content-type"] == "application/problem+json"
    assert "MCP_ALLOWED_HOSTS" in response.json()["detail"]


async def test_a_request_without_a_host_is_misdirected(named):
    """HTTP/1.0 may leave it out; a balancer's check has to name one."""
    import asyncio

    reader, writer = await asyncio.open_connection("127.0.0.1", named.port)
    writer.write(b"GET /readyz HTTP/1.0\r\n\r\n")
    head = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert b" 421 " in head


async def test_the_address_that_was_called_is_our_own(replica, http):
    """A container is checked by its own address; only the address of this connection counts."""
    made = replica(MCP_HOST="0.0.0.0")
    own = made.base.replace("127.0.0.1", "127.0.0.9")
    assert await status(http, own) == 200
    assert await status(http, own, host="127.0.0.8") == 421


async def listens(address: str, port: int) -> bool:
    """Whether somebody takes connections there."""
    try:
        _, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def test_ipv6_is_served_and_its_own_address_may_be_called(replica, http):
    """MCP_HOST may be an IPv6 address."""
    made = replica(MCP_HOST="::1", ready=False)
    port = made.wait_for_log(r"listening on http://.*:(\d+)/mcp")[1]
    made.wait_for_log("startup complete")
    async with asyncio.timeout(60):
        while not await listens("::1", int(port)):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    assert await status(http, f"http://[::1]:{port}") == 200
    assert await status(http, f"http://[::1]:{port}", host="[2001:db8::2]") == 421


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("mcp.example.com", None),
        ("mcp.example.com", APP),
        ("mcp.example.com", APP.upper()),
        ("mcp.example.com", "https://other.example"),
        ("mcp.example.com", "https://mcp.example.com"),
        ("mcp.example.com:8150", "http://mcp.example.com:8150"),
        ("localhost:8150", "http://localhost:3000"),
        ("127.0.0.1:8150", "http://localhost:3000"),
        ("localhost:8150", "http://[::1]:3000"),
    ],
)
async def test_these_origins_may_call(named, http, host, origin):
    """None (no browser), a named one, our own behind a balancer that ends TLS, localhost's."""
    assert await status(http, named.base, host, origin) == 200


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("mcp.example.com", "https://evil.example"),
        ("mcp.example.com", "http://app.example.com"),
        ("mcp.example.com", f"{APP}:8443"),
        ("mcp.example.com", f"{APP}.evil.example"),
        ("mcp.example.com", "null"),
        ("mcp.example.com", "http://localhost:3000"),
        ("localhost:8150", "https://mcp.example.com"),
        ("localhost:8150", "http://localhost.evil.example"),
        ("localhost:8150", "http://[::1"),
        ("localhost:8150", "file://"),
        ("localhost:8150", "http://evil.example#localhost"),
    ],
)
async def test_other_origins_may_not(named, http, host, origin):
    """A page that a browser shows somebody else: 403, and its script reads nothing."""
    response = await http.get(f"{named.base}/version", headers={"Host": host, "Origin": origin})
    assert response.status_code == 403
    assert "MCP_ALLOWED_ORIGINS" in response.json()["detail"]
    assert "access-control-allow-origin" not in response.headers


async def test_a_refused_origin_reaches_no_tool(named, http):
    """The check comes before the message is read: nothing is executed."""
    asked = with_headers(call("log", text="canary-origin"), Origin="https://evil.example")
    assert (await http.post(named.url, **asked)).status_code == 403
    assert "canary-origin" not in named.log


async def test_a_browser_asks_first_and_is_told_what_it_may_send(named, http):
    """The preflight of a page of ours: method and headers that MCP needs."""
    response = await http.options(
        named.url,
        headers={
            "Origin": APP,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type, mcp-protocol-version, mcp-param-x",
        },
    )
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == APP
    assert "POST" in response.headers["access-control-allow-methods"]
    allowed = response.headers["access-control-allow-headers"].lower()
    for name in ("content-type", "mcp-protocol-version", "mcp-param-x"):
        assert name in allowed
    assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize("origin", [APP, "https://other.example"])
async def test_a_page_of_ours_can_read_the_answer(named, http, origin):
    """However MCP_ALLOWED_ORIGINS spelt it: a slash at the end, capitals."""
    response = await http.post(named.url, **with_headers(call("echo", text="x"), Origin=origin))
    assert text(response) == "x"
    assert response.headers["access-control-allow-origin"] == origin
    exposed = response.headers["access-control-expose-headers"]
    ours = {"Mcp-Session-Id", "X-Served-By", "X-Request-Id", "WWW-Authenticate"}
    assert ours | {"Location", "Retry-After"} <= set(exposed.split(", "))


async def test_without_allowed_origins_there_is_no_cors(shared, http):
    """A server that names no page answers no preflight and adds no header."""
    response = await http.get(f"{shared.base}/version")
    assert not [name for name in response.headers if name.startswith("access-control")]
    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    assert (await http.options(shared.url, headers=asked)).status_code == 405


async def test_a_star_lets_everyone_in(replica, http):
    """For who has another check in front: an operator's own choice."""
    made = replica(MCP_ALLOWED_HOSTS="*", MCP_ALLOWED_ORIGINS="*")
    assert await status(http, made.base, "anything.example", "https://any.example") == 200


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("a.example:80", "a.example"),
        ("a.example", "a.example"),
        ("[::1]:80", "::1"),
        ("[::1]", "::1"),
        ("::1", "::1"),
        (" A.Example ", "a.example"),
        ("", ""),
    ],
)
def test_the_name_in_a_host_header(header, name):
    """With and without a port, both kinds of address."""
    assert host_name(header) == name


def test_an_opaque_origin_is_never_our_own():
    """`null` has no host; neither has a request without one, and both together are no match."""
    middleware = OriginMiddleware(lambda *_: None, ["*"], [])
    assert not middleware.may_call("null", "")
