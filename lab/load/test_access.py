"""`test_mcp_client.py` takes --header and --ca."""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mcp_swarm_load.testing.authority import Authority
from mcp_swarm_load.testing.runs import finished

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
CLIENT = (sys.executable, str(ROOT / "test_mcp_client.py"))
KEY = "sesame"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_every_check_passes_with_ca_and_header(authority):
    """Every check of a server that needs a key passes over TLS. Without key or CA the checks fail."""
    command = [sys.executable, "-m", "lab.load.plain", "keyed"]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            [*command, f"tls={authority.server_file()}"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=log,
        ) as process,
    ):
        assert process.stdout is not None
        url = f"https://127.0.0.1:{int(process.stdout.readline())}/mcp"
        words = ("--url", url)
        key, ca = ("--header", f"X-Door-Key: {KEY}"), ("--ca", str(authority.file))
        right = asyncio.run(finished(*words, *key, *ca, command=CLIENT))
        without_key = asyncio.run(finished(*words, *ca, command=CLIENT))
        without_ca = asyncio.run(finished(*words, *key, command=CLIENT))
        process.terminate()

    assert right[0] == 0, right
    assert (without_key[0], "HTTP 403" in without_key[1]) == (1, True)
    assert (without_ca[0], "CERTIFICATE_VERIFY_FAILED" in without_ca[2]) == (3, True)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--header", "secret-in-clear"], "expected a header"),
        (["--header", "X-Key: secret-in-clear", "--header", "x-key: b"], "x-key twice"),
        (["--ca", __file__, "--url", "https://localhost"], "Expected PEM"),
    ],
)
async def test_an_invalid_option_is_reported_without_its_secret(words, reason):
    code, out, err = await finished(*words, command=CLIENT)

    assert (code, out) == (2, "")
    assert reason in err
    assert "secret-in-clear" not in err
