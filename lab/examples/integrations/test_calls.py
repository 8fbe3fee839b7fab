"""Calls to other services that cannot be led astray."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest

integrations = pytest.importorskip("server.examples.tools.integrations")

from fastmcp.exceptions import ToolError

from lab import services
from lab.services import Service
from mcp_swarm import http


@pytest.fixture
def service() -> Iterator[Service]:
    with services.running() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Service]:
    with services.running() as running:
        yield running


@pytest.fixture(autouse=True)
async def close_client() -> AsyncIterator[None]:
    yield
    await http.close()


async def test_nothing_may_be_called_by_default(service):
    """The error names the host, the port and the setting; nobody was asked."""
    with pytest.raises(ToolError, match=r"127.0.0.1.*Allowed are: none.*MCP_OUTBOUND_HOSTS"):
        await integrations.call_external_api(f"{service.url}/json")

    assert service.asked == []


async def test_an_allowed_service_answers(service, allow):
    """JSON is parsed, harmless headers are shown, the server's cookies are not."""
    allow(service.entry)

    answer = await integrations.call_external_api(
        f"{service.url}/json?a=1", method="POST", headers={"X-Trace": "7"}, body={"n": [1]}
    )

    assert (answer.status, answer.ok, answer.headers["etag"]) == (200, True, '"1"')
    assert "set-cookie" not in answer.headers
    asked = answer.data["asked"]
    assert (asked["method"], asked["path"], asked["body"]) == ("POST", "/json?a=1", '{"n": [1]}')
    assert asked["headers"]["content-type"] == "application/json"
    assert asked["headers"]["x-trace"] == "7"
    assert asked["headers"]["host"] == service.entry


async def test_no_cookie_is_kept_for_the_next_caller(service, allow):
    """One client serves all callers, so what a service sets must not come back."""
    allow(service.entry)

    for _ in range(2):
        await integrations.call_external_api(f"{service.url}/json")

    assert len(service.asked) == 2
    assert all("cookie" not in asked["headers"] for asked in service.asked)


@pytest.mark.parametrize("name", ["Authorization", "cookie", "HOST", "Content-Length", "X-API-Key"])
async def test_credentials_and_connection_headers_are_not_a_callers(service, allow, name):
    """They are refused by name, and nothing is sent."""
    allow(service.entry)

    with pytest.raises(ToolError, match=f"{name}.*may not be set"):
        await integrations.call_external_api(f"{service.url}/json", headers={name: "x"})
    assert service.asked == []


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00", "é"])
async def test_a_header_cannot_carry_another(service, allow, value):
    """Line breaks and what is not plain ASCII are refused, in values and in names."""
    allow(service.entry)

    for headers in ({"X-A": value}, {value: "x"}):
        with pytest.raises(ToolError, match="printable ASCII"):
            await integrations.call_external_api(f"{service.url}/json", headers=headers)
    assert service.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "127.0.0.1/x",
        "//127.0.0.1/x",
        "http:///x",
        "http://user:pass@127.0.0.1/",
        "http://127.0.0.1:99999/",
        "http://[::1",
        "",
    ],
)
async def test_only_plain_http_urls_are_called(allow, url):
    """Other schemes, no host, credentials and nonsense are refused."""
    allow("127.0.0.1")

    with pytest.raises(ToolError, match=r"URL|not allowed"):
        await integrations.call_external_api(url)


async def test_a_redirect_is_checked_like_the_first_url(service, other, allow):
    """Leading to a service not listed, to metadata, to a name for loopback: refused, not asked."""
    allow(service.entry)

    for target in (
        f"{other.url}/json",
        "http://169.254.169.254/latest/meta-data/",
        f"http://localhost:{other.port}/json",
        f"http://localhost:{service.port}/json",
        f"http://[::ffff:127.0.0.1]:{other.port}/json",
        f"http://user:pass@{service.entry}/json",
        "file:///etc/passwd",
        f"//{other.entry}/json",
    ):
        with pytest.raises(ToolError, match="redirects elsewhere"):
            await integrations.call_external_api(f"{service.url}/redirect?{target}")
    assert other.asked == []


async def test_a_listed_redirect_is_followed_without_the_callers_headers(service, other, allow):
    """Another origin gets no header that was meant for the first; the same origin does."""
    allow(service.entry, other.entry)

    same = await integrations.call_external_api(
        f"{service.url}/redirect?/json", headers={"X-Trace": "7"}
    )
    away = await integrations.call_external_api(
        f"{service.url}/redirect?{other.url}/json", headers={"X-Trace": "7"}
    )

    assert same.data["asked"]["headers"]["x-trace"] == "7"
    assert away.url == f"{other.url}/json"
    assert "x-trace" not in away.data["asked"]["headers"]


async def test_a_redirect_of_a_post_is_the_answer(service, other, allow):
    """A body is never sent to a second place."""
    allow(service.entry, other.entry)

    answer = await integrations.call_external_api(
        f"{service.url}/redirect?{other.url}/json", method="POST", body={"a": 1}
    )

    assert (answer.status, answer.headers["location"]) == (302, f"{other.url}/json")
    assert other.asked == []


async def test_redirects_end(service, allow):
    """A service that redirects to itself is left after five."""
    allow(service.entry)
    target = "/redirect?" * 8 + "/json"

    with pytest.raises(ToolError, match="More than 5 redirects"):
        await integrations.call_external_api(f"{service.url}{target}")
    assert len(service.asked) == 6


async def test_loopback_is_refused_by_the_systems_own_lookup(service, allow):
    """With no seam: localhost is listed, resolves to loopback, and is refused."""
    allow(f"localhost:{service.port}")

    with pytest.raises(ToolError, match="'localhost' resolves to an address that is not public"):
        await integrations.call_external_api(f"http://localhost:{service.port}/json")
    assert service.asked == []


async def test_the_time_limit_holds_for_the_whole_call(service, allow):
    """A service that does not answer, and one that drips, both end in time."""
    allow(service.entry)

    for path in ("slow?40", "drip"):
        began = time.monotonic()
        with pytest.raises(ToolError, match=r"did not answer within 0.4 s"):
            await integrations.call_external_api(f"{service.url}/{path}", timeout_seconds=0.4)
        assert time.monotonic() - began < 20


async def test_a_long_answer_is_cut(service, allow):
    """No more than max_bytes are returned, and the answer says so."""
    allow(service.entry)

    answer = await integrations.call_external_api(f"{service.url}/big?5000000", max_bytes=1000)
    whole = await integrations.call_external_api(f"{service.url}/big?1000", max_bytes=1000)

    assert (len(answer.text), answer.truncated) == (1000, True)
    assert (len(whole.text), whole.truncated) == (1000, False)


async def test_an_answer_without_end_is_left(service, allow):
    """Reading stops at max_bytes; the rest is neither kept nor waited for."""
    allow(service.entry)

    answer = await integrations.call_external_api(
        f"{service.url}/endless", max_bytes=1000, timeout_seconds=10
    )

    assert (len(answer.text), answer.truncated) == (1000, True)
    assert answer.milliseconds < 5000


async def test_a_packed_answer_is_refused(service, allow):
    """One kilobyte could be a gigabyte; it was not asked for."""
    allow(service.entry)

    with pytest.raises(ToolError, match="sends a compressed response"):
        await integrations.call_external_api(f"{service.url}/packed")
    assert service.asked[0]["headers"]["accept-encoding"] == "identity"


async def test_an_error_status_and_odd_bodies_are_answers(service, allow):
    """404 is ok: false; text is text; JSON that is none is shown as text."""
    allow(service.entry)

    missing = await integrations.call_external_api(f"{service.url}/nothing")
    text = await integrations.call_external_api(f"{service.url}/text")
    broken = await integrations.call_external_api(f"{service.url}/brokenjson")
    head = await integrations.call_external_api(f"{service.url}/json", method="HEAD")

    assert (missing.status, missing.ok, missing.data) == (404, False, {})
    assert (text.data, text.text) == (None, "plain \ufffd")
    assert (broken.data, broken.text) == (None, '{"a": ')
    assert (head.status, head.text) == (200, "")


async def test_nobody_there_is_told(allow):
    """A closed port is one clear error."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    allow(f"127.0.0.1:{port}")

    with pytest.raises(ToolError, match="cannot be reached"):
        await integrations.call_external_api(f"http://127.0.0.1:{port}/")


async def test_a_body_needs_a_method_that_takes_one(service, allow):
    """GET with a body is refused with what to do."""
    allow(service.entry)

    with pytest.raises(ToolError, match="GET takes no body"):
        await integrations.call_external_api(f"{service.url}/json", body={})


async def test_connections_are_used_again(service, allow):
    """Twenty calls together, then twenty more, need no more connections than callers."""
    allow(service.entry)

    for _ in range(2):
        calls = [integrations.call_external_api(f"{service.url}/json") for _ in range(20)]
        assert {answer.status for answer in await asyncio.gather(*calls)} == {200}
    assert len(service.asked) == 40
