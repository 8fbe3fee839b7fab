"""service.env: every setting reaches replicas and workers, and none is ignored in silence."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import service_env
from lab.deploy.patterns import FOLDER, PROJECT
from lab.require import absent
from server.config import Settings

pytestmark = pytest.mark.processes

FILES = [PROJECT / "stack.yml", PROJECT / "docker-compose.yml", *sorted(FOLDER.glob("*.yml"))]
LISTED = service_env.read(service_env.DEFAULT)
SETTINGS = {name.upper() for name in Settings.model_fields}


def configured(*overlays: str, **shell: str) -> dict[str, Any]:
    """The services as Docker itself reads stack.yml with overlays, with `shell` in its environment."""
    files = [part for file in ("stack.yml", *overlays) for part in ("-c", file)]
    done = subprocess.run(
        ["docker", "stack", "config", *files],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], **shell},
    )
    if "unknown" in done.stderr or "not a docker command" in done.stderr:
        absent("this Docker client has no `docker stack config`")
    assert done.returncode == 0, done.stderr
    services: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return services


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """A service.env with one line changed."""
    path = tmp_path / "service.env"
    text = service_env.DEFAULT.read_text()
    path.write_text(text.replace("\nMCP_CALL_TIMEOUT\n", "\nMCP_CALL_TIMEOUT=7\n"))
    return path


def test_every_setting_is_listed_once() -> None:
    """But for those that a stack takes from elsewhere, each of which is refused with the place."""
    assert set(LISTED) & SETTINGS == SETTINGS - set(service_env.FIXED)
    assert set(service_env.FIXED) <= SETTINGS


def test_every_other_name_is_one_of_the_stack() -> None:
    """And every variable of the Compose files is a setting, or the stack's, or the deploy's own."""
    assert set(LISTED) - SETTINGS <= service_env.STACK
    used = {name for file in FILES for name in re.findall(r"\$\{(\w+)", file.read_text())}
    own = re.compile(r"\w+_(HASH|ASKED|STOP_GRACE)|SERVICE_ENV|NAME")
    assert {
        name for name in used - SETTINGS - service_env.STACK if not own.fullmatch(name)
    } == set()


def test_a_value_in_it_is_the_default_of_the_stack() -> None:
    """So that `docker stack deploy` by hand deploys the same."""
    for file in FILES:
        for name, default in re.findall(r"\$\{(\w+):-([^}]*)\}", file.read_text()):
            if LISTED.get(name) and default:
                assert LISTED[name] == default, f"{name} in {file.name}"


@pytest.mark.parametrize("overlay", [(), ("deploy/patterns/split.yml",)], ids=["alone", "split"])
def test_docker_gives_a_setting_to_replicas_and_workers(
    overlay: tuple[str, ...], env_file: Path
) -> None:
    """The one in the file, and every other from the shell; without either, the server's default."""
    set_by_shell = sorted(n for n, v in LISTED.items() if v is None)
    shell = {name: f"shell's {name}" for name in set_by_shell if name != "MCP_CALL_TIMEOUT"}
    services = configured(*overlay, SERVICE_ENV=str(env_file), **shell)
    version = service_env.read(service_env.VERSION)
    own = {"mcp-live": {"MCP_CALL_TIMEOUT", "MCP_TOOLS", "MCP_STATELESS_HTTP", "MCP_JSON_RESPONSE"}}
    for name in ["mcp", "worker", *(["mcp-live"] if overlay else [])]:
        environment = services[name]["environment"]
        assert environment.items() >= version.items()
        fixed = own.get(name, set())
        assert environment["MCP_CALL_TIMEOUT"] == ("300" if fixed else "7")
        for variable, value in shell.items():
            if variable not in fixed:
                assert environment[variable] == value, f"{variable} of {name}"
    plain = configured(*overlay)
    for name in ("mcp", "worker"):
        assert not set(set_by_shell) - {"MCP_TOOLS"} & set(plain[name]["environment"])


def test_the_server_takes_the_file_as_a_container_sees_it() -> None:
    """Whole, with the names that are the stack's: none is taken for a misspelt setting."""
    seen = {name: value for name, value in LISTED.items() if value is not None}
    code = "import server.config as c; c.settings()"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], **seen, "MCP_IMAGE": "x", "MCP_REPLICAS": "5"},
    )
    assert done.returncode == 0, done.stderr


def test_the_shell_counts_more_and_is_named(env_file: Path) -> None:
    """A value for another name of the server's is passed on too."""
    shell = {"MCP_CALL_TIMEOUT": "9", "MCP_OF_MY_OWN": "1", "HOME": "/root", "LB_PORT": "8150"}
    values = service_env.merged(env_file, shell)
    assert (values["MCP_CALL_TIMEOUT"], values["MCP_OF_MY_OWN"]) == ("9", "1")
    assert "HOME" not in values
    assert service_env.overridden(env_file, shell) == ["MCP_CALL_TIMEOUT"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("MCP_NAME: x", "expected NAME=value"),
        ("MCP_NAME = x", "expected NAME=value"),
        ("export MCP_NAME=x", "expected NAME=value"),
        ('MCP_TOOLS="a b"', "would keep the quotes"),
        ("MCP_NAME=twice", "is set twice"),
    ],
)
def test_a_line_that_docker_would_take_otherwise_is_refused(
    line: str, problem: str, tmp_path: Path
) -> None:
    """With its number."""
    path = tmp_path / "staging.env"
    path.write_text(f"# first\nMCP_NAME=x\n{line}\n")
    with pytest.raises(ValueError, match=problem) as refused:
        service_env.read(path)
    assert f"{path}:3" in str(refused.value)


def deploy(*arguments: str, **shell: str) -> "subprocess.CompletedProcess[str]":
    """`python -m deploy` on a machine without Docker: what is wrong is said before it is asked for."""
    return subprocess.run(
        [sys.executable, "-m", "deploy", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/nonexistent", **shell},
    )


@pytest.mark.parametrize("name", [*service_env.FIXED, "DATABASE_URL_FILE"])
def test_a_setting_that_the_stack_would_ignore_is_refused(name: str) -> None:
    """With the place where it belongs."""
    done = deploy(**{name: "a value"})
    assert done.returncode == 2
    assert f"{name.removesuffix('_FILE')} cannot be set here" in done.stderr
    assert "a value" not in done.stderr


def test_a_pattern_that_is_not_there_is_refused() -> None:
    """With those that are."""
    done = deploy(PATTERN="stiky")
    assert done.returncode == 2
    assert "PATTERN=stiky" in done.stderr
    for path in FOLDER.glob("*.yml"):
        assert path.stem in done.stderr


def test_a_second_service_does_not_replace_the_first(tmp_path: Path) -> None:
    """A file that forgot to name its stack would."""
    staging = tmp_path / "staging.env"
    staging.write_text("LB_PORT=8250\n")
    done = deploy("--env", str(staging))
    assert done.returncode == 2
    assert "STACK_NAME of its own" in done.stderr
