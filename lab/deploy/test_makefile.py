"""`make up` and `make load` take a port and a URL."""

import os
import subprocess

import pytest

from lab.replica import ROOT

pytestmark = pytest.mark.processes


def shown(*words: str, **environment: str) -> str:
    """The commands that `make` would run."""
    done = subprocess.run(
        ["make", "--dry-run", "--old-file=.venv", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["up"], "deploy.local --port 8150"),
        (["up", "PORT=9001"], "deploy.local --port 9001"),
        (["load"], "--url 'http://localhost:8150/mcp'"),
        (["load", "PORT=9001"], "--url 'http://localhost:9001/mcp'"),
        (["load", "URL=https://mcp.example.com/mcp?a=1&b=2"],
         "--url 'https://mcp.example.com/mcp?a=1&b=2'"),
        (["load", "HEADER=Authorization: Bearer x"], "--header 'Authorization: Bearer x'"),
    ],
)  # fmt: skip
def test_a_port_or_a_url_is_taken(words, command):
    """As a word of the command line."""
    assert command in shown(*words)


def test_a_shells_own_port_and_url_do_not_count():
    """Many tools read variables of these names."""
    assert "--port 8150" in shown("up", PORT="3000")
    assert "'http://localhost:8150/mcp'" in shown("load", PORT="3000", URL="http://other")
