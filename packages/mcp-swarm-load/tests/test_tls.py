"""--ca and --header: the load tester uses TLS and rejects a certificate that it does not trust."""

import os
import socket
import ssl
from pathlib import Path

import pytest

from mcp_swarm_load.testing.authority import Authority
from mcp_swarm_load.testing.runs import BUSY, finished
from mcp_swarm_load.testing.target import Target

pytestmark = pytest.mark.processes

KEY = "sesame"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def serving(authority: Authority, **options: object) -> Target:
    """Returns a target with a certificate of the authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.server_file())
    return Target(tls=context, **options)  # type: ignore[arg-type]


async def test_a_target_is_called_over_tls_only_if_its_certificate_is_trusted(authority):
    async with serving(authority, fault=lambda n: "closes" if n % 7 == 6 else "").serving() as t:
        words = ("--url", t.url, BUSY)
        trusted = {**os.environ, "SSL_CERT_FILE": str(authority.file)}
        code, out, err = await finished(*words, env=trusted)
        stranger, said, why = await finished(*words)

    assert (code, err) == (0, "")
    assert "100.00 %" in out
    assert (stranger, said) == (3, "")
    assert "TLS: CERTIFICATE_VERIFY_FAILED" in why


@pytest.mark.parametrize("more", [(), ("--processes", "2"), ("--era", "legacy")])
async def test_the_load_tester_trusts_the_authority_in_ca_and_sends_each_header(
    authority, tmp_path, more
):
    """Every process sends them, in both protocols. The report shows names, never values."""
    async with serving(authority).serving() as t:
        words = ("--url", t.url, BUSY, "--ca", str(authority.file), *more)
        headers = ("--header", f"X-Door-Key: {KEY}", "--header=X-Tenant:  north ")
        code, _, err = await finished(*words, *headers, "--json", str(tmp_path / "run.json"))

    assert (code, err) == (0, "")
    assert all(b"X-Door-Key: sesame\r\nX-Tenant: north\r\n" in seen for seen in t.requests)
    document = (tmp_path / "run.json").read_text()
    assert KEY not in document
    assert "X-Door-Key: …" in document


async def test_another_authority_is_not_trusted(authority, tmp_path):
    """--ca replaces the system's certificates."""
    other = Authority(tmp_path, "other")
    async with serving(authority).serving() as t:
        words = ("--url", t.url, "--ca", str(other.file))
        code, _, err = await finished(*words)

    assert code == 3
    assert "TLS: CERTIFICATE_VERIFY_FAILED" in err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--header", "secret-in-clear"], "expected a header such as 'X-Api-Key: value'"),
        (["--header", "X Y: secret-in-clear"], "expected a header"),
        (["--header", "Host: secret-in-clear"], "Host: this program sets it"),
        (["--header", "X-Key: secret-in-clear\u00e9"], "X-Key: expected a value of printable"),
        (["--header", "X-Key: secret-in-clear", "--header", "x-key: b"], "x-key twice"),
        (["--header", "Authorization: secret-in-clear", "--token", "t"], "with --token"),
        (["--ca", "/no/such/file", "--url", "https://localhost"], "No such file"),
        (["--ca", __file__, "--url", "https://localhost"], "Expected PEM"),
    ],
)
async def test_an_invalid_option_is_reported_without_its_secret(words, reason):
    """The exit code is 2, and no error shows a value that may be a secret."""
    code, out, err = await finished(*words)

    assert (code, out) == (2, "")
    assert reason in err
    assert "secret-in-clear" not in err


async def test_a_ca_for_plain_http_is_an_error(authority):
    """Nothing would be verified."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/mcp"
        words = ("--url", url, "--ca", str(authority.file))
        code, _, err = await finished(*words)

    assert (code, "give an https URL" in err) == (2, True)
