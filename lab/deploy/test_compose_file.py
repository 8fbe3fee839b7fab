"""docker-compose.yml: what stack.yml has, on a laptop. No engine is asked; the files must agree."""

from typing import Any

import pytest

from lab.deploy.patterns import PROJECT, merged, read
from mcp_swarm.config import Settings

COMPOSE: dict[str, Any] = read(PROJECT / "docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# Who may use Redis, and its configuration.
START = "/usr/local/etc/redis/start.sh"
STACK: dict[str, dict[str, Any]] = merged()["services"]


def test_it_has_the_services_of_the_stack_as_often() -> None:
    """From the same images."""
    assert {name: s["image"] for name, s in SERVICES.items()} == {
        name: s["image"] for name, s in STACK.items()
    }
    for name in ("mcp", "worker"):
        assert SERVICES[name]["deploy"]["replicas"] == STACK[name]["deploy"]["replicas"]
        assert SERVICES[name]["stop_grace_period"] == STACK[name]["stop_grace_period"]


@pytest.mark.parametrize("name", ["mcp", "worker"])
def test_the_server_takes_its_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are known and fit together, and name the services that are there, with their passwords."""
    environment = SERVICES[name]["environment"]
    assert {setting.lower() for setting in environment} <= set(Settings.model_fields)
    for setting, value in environment.items():
        monkeypatch.setenv(setting, str(value or ""))
    settings = Settings()
    redis, postgres = SERVICES["redis"], SERVICES["postgres"]
    assert settings.redis_url == f"redis://mcp:{_password(redis, 'command')}@redis:6379/0"
    assert settings.database_url.get_secret_value() == (
        f"postgresql+asyncpg://mcp:{_password(postgres, 'entrypoint')}@postgres:5432/mcp"
    )
    assert environment == {**SERVICES["mcp"]["environment"]}


@pytest.mark.parametrize("name", ["mcp", "worker"])
def test_it_reads_service_env(name: str) -> None:
    """For what is set in a container, and by Compose's own name for it to fill in the variables."""
    assert SERVICES[name]["env_file"] == ["service.env", "deploy/version.env"]
    assert (PROJECT / ".env").resolve() == PROJECT / "service.env"


def test_the_balancer_is_healthy_when_it_is_in_the_stack() -> None:
    """By the same check: until then `--wait` waits."""
    assert SERVICES["lb"]["healthcheck"]["test"] == STACK["lb"]["healthcheck"]["test"]


def test_postgresql_is_started_as_in_the_stack() -> None:
    """By the same script, as the same account, in the same folder."""
    ours, theirs = SERVICES["postgres"], STACK["postgres"]
    start = theirs["entrypoint"][1]
    assert f"./deploy/postgres/start.sh:{start}:ro" in ours["volumes"]
    assert ours["user"] == theirs["user"]
    assert ours["environment"]["PGDATA"] == theirs["environment"]["PGDATA"]
    assert ours["healthcheck"]["test"] == theirs["healthcheck"]["test"]


def test_redis_is_started_as_in_the_stack() -> None:
    """By the same script, for the same names, with the same health check."""
    ours, theirs = SERVICES["redis"], STACK["redis"]
    assert theirs["command"] == ["sh", START]
    assert f"./deploy/redis/start.sh:{START}:ro" in ours["volumes"]
    assert ours["user"] == theirs["user"]
    assert ours["environment"]["MCP_NAMES"] == theirs["environment"]["MCP_NAMES"]
    assert ours["healthcheck"]["test"] == theirs["healthcheck"]["test"]


def test_the_balancer_finds_the_replicas_and_only_this_machine_finds_it() -> None:
    """By the name that haproxy.cfg looks up where nothing else is set."""
    config = (PROJECT / "deploy/haproxy/haproxy.cfg").read_text()
    (alias,) = SERVICES["mcp"]["networks"]["default"]["aliases"]
    assert f"presetenv LB_NAME {alias}\n" in config
    published = [port for s in SERVICES.values() for port in s.get("ports", [])]
    assert published == ["127.0.0.1:8150:8150"]


def _password(service: dict[str, Any], key: str) -> str:
    """The one that the service is started with, in the file that its script reads."""
    _, _, start = service[key]
    (file,) = [v for n, v in service["environment"].items() if n.endswith("_PASSWORD_FILE")]
    password = start.split()[1]
    script = start.rpartition(" ")[2]
    assert start == f"echo {password} > {file} && exec sh {script}"
    return str(password)
