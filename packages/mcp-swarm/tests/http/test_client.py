"""Calls to listed hosts: the address that was checked is called, under the name asked for."""

from collections.abc import Iterator

import pytest

from lab import services
from lab.services import Service, answers
from mcp_swarm import http
from mcp_swarm.http import HttpClient, RequestNotAllowed, Unreachable


@pytest.fixture
def service() -> Iterator[Service]:
    with services.running() as running:
        yield running


async def test_a_name_that_changes_its_address_is_checked_at_each_connection(service):
    """DNS rebinding: the address that was checked is the one connected to, and it is asked once."""
    resolver, asked = answers(["203.0.113.1"], ["127.0.0.1"], ["203.0.113.1", "127.0.0.1"])
    # The first address is let through by consent, to an address that nobody answers at.
    client = HttpClient([f"api.example:{service.port}", "203.0.113.0/24"], resolver=resolver)
    url = f"http://api.example:{service.port}/json"

    with pytest.raises(Unreachable):
        await client.request("GET", url, seconds=0.3)
    assert asked == ["api.example"]  # once: a second answer would have been loopback
    for _ in range(2):  # loopback alone, then among others
        with pytest.raises(
            RequestNotAllowed, match=r"'api.example' resolves to an address that is not public"
        ):
            await client.request("GET", url)

    await client.close()
    assert service.asked == []


async def test_tls_and_host_keep_the_name_while_the_address_is_fixed(tmp_path):
    """The certificate is checked for the name asked for, not for the address connected to."""
    server_tls, client_tls = services.certificate_for("api.example", tmp_path)
    names: list[str | None] = []
    server_tls.sni_callback = lambda _socket, name, _context: names.append(name)
    with services.running(server_tls) as service:
        resolver, _ = answers(["127.0.0.1"])
        allowed = ["*.example:" + str(service.port), "127.0.0.0/8"]
        client = HttpClient(allowed, resolver=resolver, tls=client_tls)

        answer = await client.request("GET", f"https://api.example:{service.port}/json")
        with pytest.raises(Unreachable, match=r"(?i)certificate|hostname"):
            await client.request("GET", f"https://evil.example:{service.port}/json")
        with pytest.raises(RequestNotAllowed, match="leads from https"):
            plain = f"http://api.example:{service.port}/json"
            await client.request("GET", f"https://api.example:{service.port}/redirect?{plain}")
        await client.close()

    assert answer.status == 200
    assert names[:2] == ["api.example", "evil.example"]
    assert service.asked[0]["headers"]["host"] == f"api.example:{service.port}"
    assert all(asked["headers"]["host"].startswith("api.") for asked in service.asked)


KEY = {"Authorization": "Bearer author-s", "X-Rates-Key": "also-author-s"}


def sent(service: Service) -> list[bool]:
    """Of each request there, whether it carried the credentials."""
    return [
        {"Bearer author-s", "also-author-s"} <= set(asked["headers"].values())
        for asked in service.asked
    ]


@pytest.fixture
def other() -> Iterator[Service]:
    with services.running() as running:
        yield running


async def test_the_authors_credentials_go_to_their_origin_and_stay_there(service, other):
    """Over redirects too: not to another port, and not on the way back from it."""
    open_client = HttpClient([service.entry, other.entry])
    client = open_client.with_credentials(service.url, KEY)

    await client.request("GET", f"{service.url}/json")
    await client.request("POST", f"{service.url}/json", headers={"X-Trace": "1"}, content=b"{}")
    await client.request("GET", f"{service.url}/redirect?/json")
    assert sent(service) == [True] * 4

    service.asked.clear()
    back = f"{other.url}/redirect?{service.url}/json"
    await client.request("GET", f"{service.url}/redirect?{back}")
    await client.request("GET", f"{other.url}/json")
    await open_client.request("GET", f"{service.url}/json")
    assert sent(service) == [True, False, False]
    assert sent(other) == [False, False]
    await open_client.close()


@pytest.mark.parametrize("name", ["authorization", "X-API-Key", "x-rates-key", "Cookie"])
async def test_a_caller_may_not_set_what_is_the_authors(service, name):
    """Neither its own credentials, nor another value for the author's, anywhere."""
    client = HttpClient([service.entry]).with_credentials(service.url, KEY)
    with pytest.raises(RequestNotAllowed, match="may not be set by a caller"):
        await client.request("GET", f"{service.url}/json", headers={name: "caller-s"})
    assert service.asked == []
    await client.close()


@pytest.mark.parametrize(
    ("url", "headers", "reason"),
    [
        ("https://api.example/v1", KEY, "one origin"),
        ("https://u:hunter2@api.example", KEY, "one origin"),
        ("api.example", KEY, "one origin"),
        ("https://api.example", {"Authorization": "Bearer hunter2\n"}, "line break"),
        ("https://api.example", {"Authorization": "Bearer hunter2 "}, "space at its ends"),
        ("https://api.example", {"Authorization": "Bearer "}, "setting may be empty"),
        ("https://api.example", {"Host": "hunter2"}, "cannot be a credential"),
    ],
)
def test_credentials_that_cannot_be_sent_are_an_error_that_hides_them(url, headers, reason):
    """The author learns why; the value is in no message and no representation."""
    with pytest.raises(ValueError, match=reason) as caught:
        HttpClient([]).with_credentials(url, headers)
    assert "hunter2" not in str(caught.value)
    made = HttpClient([]).with_credentials("https://api.example", {"X-Key": "hunter2"})
    assert "hunter2" not in repr(vars(made))


async def test_tools_get_such_a_client_from_the_process_s_own(service, monkeypatch):
    """``http.client(origin, headers)``, on the hosts that the operator listed."""
    from mcp_swarm.config import _load

    monkeypatch.setenv("MCP_OUTBOUND_HOSTS", service.entry)
    _load.cache_clear()
    await http.client(service.url, KEY).request("GET", f"{service.url}/json")
    await http.client().request("GET", f"{service.url}/json")
    await http.close()
    _load.cache_clear()
    assert sent(service) == [True, False]
