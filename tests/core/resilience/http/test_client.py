"""Calls to listed hosts: the address that was checked is called, under the name asked for."""

from collections.abc import Iterator

import pytest

from server.core.resilience.http import Client, Refused, Unreachable
from tests import services
from tests.services import Service, answers


@pytest.fixture
def service() -> Iterator[Service]:
    with services.running() as running:
        yield running


async def test_a_name_that_changes_its_address_is_checked_at_each_connection(service):
    """DNS rebinding: the address that was checked is the one connected to, and it is asked once."""
    resolver, asked = answers(["203.0.113.1"], ["127.0.0.1"], ["203.0.113.1", "127.0.0.1"])
    # The first address is let through by consent, to an address that nobody answers at.
    client = Client([f"api.example:{service.port}", "203.0.113.0/24"], resolver=resolver)
    url = f"http://api.example:{service.port}/json"

    with pytest.raises(Unreachable):
        await client.request("GET", url, seconds=0.3)
    assert asked == ["api.example"]  # once: a second answer would have been loopback
    for _ in range(2):  # loopback alone, then among others
        with pytest.raises(
            Refused, match=r"'api.example' resolves to an address that is not public"
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
        client = Client(allowed, resolver=resolver, tls=client_tls)

        answer = await client.request("GET", f"https://api.example:{service.port}/json")
        with pytest.raises(Unreachable, match=r"(?i)certificate|hostname"):
            await client.request("GET", f"https://evil.example:{service.port}/json")
        with pytest.raises(Refused, match="leads from https"):
            plain = f"http://api.example:{service.port}/json"
            await client.request("GET", f"https://api.example:{service.port}/redirect?{plain}")
        await client.close()

    assert answer.status == 200
    assert names[:2] == ["api.example", "evil.example"]
    assert service.asked[0]["headers"]["host"] == f"api.example:{service.port}"
    assert all(asked["headers"]["host"].startswith("api.") for asked in service.asked)
