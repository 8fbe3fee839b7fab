"""The official inspector, a client of another language and author, gets what it asks for."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lab.conformance import suite
from lab.conformance.balancer import balancer
from lab.conformance.replicas import new_key, replica, replicas

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.timeout(600),
    pytest.mark.usefixtures("official_suite"),
]

INSPECTOR = suite.MODULES / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
TOOL_FAILED = 5  # the inspector's own exit code


def inspect(url: str, era: str, home: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """The inspector's exit code, result and complaints; `home` takes what it writes."""
    command = [suite.node(), str(INSPECTOR), "--cli", url, "--transport", "http"]
    command += ["--protocol-era", era, "--format", "json", "-q", *arguments]
    env = {"PATH": os.environ["PATH"], "HOME": str(home)}
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["result"], done.stderr


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_the_inspector_is_served_by_changing_replicas(era: str, tmp_path: Path) -> None:
    """Lists, calls, reads and gets through the balancer; a failed tool is told as one."""
    with replicas(tmp_path, [new_key()] * 3) as servers, balancer(tmp_path, servers) as lb:

        def ask(*arguments: str) -> tuple[int, dict[str, Any]]:
            code, result, _ = inspect(lb.url, era, tmp_path, *arguments)
            return code, result

        code, listed = ask("--method", "tools/list")
        assert code == 0
        assert "test_simple_text" in [t["name"] for t in listed["tools"]]

        code, called = ask("--method", "tools/call", "--tool-name", "test_simple_text")
        assert code == 0
        assert called["content"][0]["text"] == "This is a simple text response for testing."

        code, failed = ask("--method", "tools/call", "--tool-name", "test_error_handling")
        assert code == TOOL_FAILED
        assert failed["isError"] is True

        code, read = ask("--method", "resources/read", "--uri", "test://template/7/data")
        assert code == 0
        assert json.loads(read["contents"][0]["text"])["id"] == "7"

        prompt = [
            "--prompt-name",
            "test_prompt_with_arguments",
            "--prompt-args",
            "arg1=a",
            "arg2=b",
        ]
        code, got = ask("--method", "prompts/get", *prompt)
        assert code == 0
        assert "arg1='a', arg2='b'" in got["messages"][0]["content"]["text"]


def test_the_inspector_finds_every_example_tool_portable(tmp_path: Path) -> None:
    """`--strict` has nothing against the schemas of the tools that the project ships."""
    with replica(tmp_path, "product", module="server") as server:
        strict = ["--method", "tools/list", "--strict"]
        code, listed, complaints = inspect(server.url, "modern", tmp_path, *strict)
    assert code == 0, complaints
    assert listed["tools"], "the server ships tools"
