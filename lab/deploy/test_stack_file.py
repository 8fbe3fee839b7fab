"""stack.yml: what must fit together in it, and with the rest of the project."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.deploy.patterns import merged
from lab.valkey import PASSWORD, SCRIPT, acl_lines, users
from mcp_swarm.config import Settings

PROJECT = Path(__file__).parents[2]
TEXT = (PROJECT / "stack.yml").read_text()
# As Docker reads it with nothing set in the environment.
STACK: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", TEXT))
SERVICES: dict[str, dict[str, Any]] = STACK["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_locked_in(name: str) -> None:
    """No root, no capability, nothing to write on, bounded, and its log rotated."""
    service = SERVICES[name]
    assert not service["user"].startswith("0")
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert {"cpus", "memory", "pids"} <= set(service["deploy"]["resources"]["limits"])
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_reached_without_a_virtual_address(name: str) -> None:
    """Names resolve to the tasks themselves."""
    assert SERVICES[name]["deploy"]["endpoint_mode"] == "dnsrr"


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str) -> None:
    """By a full version, never by a tag that moves."""
    assert re.fullmatch(r"[a-z-]+:\d+\.\d+(\.\d+)?", SERVICES[name]["image"])


def test_the_image_is_the_one_this_project_builds() -> None:
    """The version in stack.yml is pyproject's."""
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert SERVICES["mcp"]["image"] == f"mcp-swarm:{version}"


def test_five_replicas_and_the_surge_fit_a_node_of_two_cores() -> None:
    """By what is reserved: the scheduler counts nothing else."""
    count = {"mcp": 5 + 1, "worker": SERVICES["worker"]["deploy"]["replicas"] + 1}
    reserved = sum(
        float(service["deploy"]["resources"]["reservations"]["cpus"]) * count.get(name, 1)
        for name, service in SERVICES.items()
    )
    assert reserved <= 2


def test_a_replica_has_time_to_drain() -> None:
    """Swarm's patience is longer than the drain and the longest call together."""
    settings = Settings.model_fields
    needed = settings["mcp_drain_seconds"].default + settings["mcp_call_timeout"].default
    assert _seconds(SERVICES["mcp"]["stop_grace_period"]) > needed + 10


def test_a_worker_has_time_to_finish_its_jobs() -> None:
    """Swarm's patience is longer than the drain, and leaves time to put the rest back."""
    drain = Settings.model_fields["mcp_task_drain_seconds"].default
    assert _seconds(SERVICES["worker"]["stop_grace_period"]) >= drain + 10


def test_a_worker_is_what_a_replica_is() -> None:
    """The same image, queue, keys and database, or it could not run what replicas take in."""
    replica, worker = SERVICES["mcp"], SERVICES["worker"]
    assert worker["image"] == replica["image"]
    assert worker["secrets"] == replica["secrets"]
    assert worker["environment"]["MCP_NAME"] == replica["environment"]["MCP_NAME"]


def test_the_balancer_has_time_to_stop() -> None:
    """Swarm's patience is longer than HAProxy's own."""
    config = (PROJECT / "deploy/haproxy/haproxy.cfg").read_text()
    hard = re.search(r"hard-stop-after (\d+s)", config)
    assert hard
    assert _seconds(SERVICES["lb"]["stop_grace_period"]) > _seconds(hard[1])


@pytest.mark.processes
def test_redis_keeps_what_it_is_told_and_the_password_is_a_secret() -> None:
    """On a volume, in its append-only file; neither Redis nor who calls it has the password in clear."""
    redis = SERVICES["redis"]
    assert redis["command"] == ["sh", redis["configs"][0]["target"]]
    assert STACK["configs"]["redis"]["file"] == "./deploy/redis/start.sh"
    given = acl_lines(redis["environment"]["MCP_NAMES"])
    assert {"appendonly yes", "maxmemory-policy noeviction", "dir /data"} <= set(given.splitlines())
    assert PASSWORD not in given
    assert redis["volumes"] == ["redis-data:/data"]
    for name in ("mcp", "worker"):
        assert "REDIS_URL" not in SERVICES[name]["environment"]
        assert SERVICES[name]["environment"]["REDIS_URL_FILE"].startswith("/run/secrets/")


@pytest.mark.processes
def test_redis_may_read_its_own_file() -> None:
    """The default user, as which Redis 8 does (Valkey 9 asks nobody), is off but has its rights."""
    assert users("x")["default"] == "reset off ~* &* +@all"


@pytest.mark.parametrize("pattern", [(), ("split",)], ids=["alone", "split"])
def test_redis_lets_in_the_services_of_the_stack(pattern: tuple[str, ...]) -> None:
    """By the names whose keys they use."""
    services = merged(*pattern)["services"]
    names = [services[n]["environment"]["MCP_NAME"] for n in ("mcp", "mcp-live") if n in services]
    assert services["redis"]["environment"]["MCP_NAMES"].split("\n") == names


@pytest.mark.processes
def test_redis_takes_any_name_and_no_empty_password(tmp_path: Path) -> None:
    """A pattern has no spaces, and what would be a wildcard is none; without a password it ends."""
    rules = users("My tools*\nb-live")["mcp"].split()
    assert rules[2:5] == ["~My?tools?:*", "&My?tools?:*", "&My?tools?:jobs:cancel:*"]
    assert "~b-live:*" in rules
    (tmp_path / "empty").touch()
    for file in ("empty", "missing"):
        secret = {"REDIS_PASSWORD_FILE": f"{tmp_path}/{file}"}
        env = {"PATH": "/usr/bin:/bin", "MCP_NAMES": "x", **secret}
        assert subprocess.run(["sh", str(SCRIPT)], env=env, check=False).returncode != 0


@pytest.mark.parametrize("kind", ["secrets", "configs"])
def test_secrets_and_configs_are_named_by_stack_and_content(kind: str) -> None:
    """They are immutable in Swarm: `make deploy` sets the hash, and no stack has another's."""
    for name, entry in yaml.safe_load(TEXT)[kind].items():
        variable = f"{name.upper()}_HASH"
        stem = f"${{STACK_NAME:-mcp-swarm}}-{name.replace('_', '-')}"
        assert entry["name"] == f"{stem}-${{{variable}:-1}}"


@pytest.mark.parametrize("name", ["lb", "redis", "postgres"])
def test_swarm_kills_nothing_that_is_only_slow(name: str) -> None:
    """An answer may take 30 s, and for a minute there may be none; the image's check is as patient."""
    check = SERVICES[name]["healthcheck"]
    assert _seconds(check["timeout"]) >= 30
    assert _seconds(check["interval"]) * check["retries"] >= 60
    dockerfile = (PROJECT / "server" / "Dockerfile").read_text()
    found = re.search(
        r"^HEALTHCHECK --interval=5s --timeout=(\d+)s .*--retries=(\d+) CMD",
        dockerfile,
        re.MULTILINE,
    )
    assert found
    assert (int(found[1]) + 5) * int(found[2]) >= 180


def test_the_balancer_looks_away_from_a_slow_replica_within_seconds() -> None:
    """Its own check is not patient: two checks a second apart, of at most 5 s each."""
    config = (PROJECT / "deploy/haproxy/haproxy.cfg").read_text()
    assert re.search(r"timeout check [1-5]s", config)
    assert re.search(r"check inter (1s|\d{3}ms) .*fall [12]\b", config)


def test_workers_have_a_way_out_and_no_way_in() -> None:
    """By a network of their own; the one that they share with the data has no way out."""
    networks = STACK["networks"]
    (out,) = set(SERVICES["worker"]["networks"]) - {"data"}
    assert not networks[out].get("internal")
    assert networks["data"]["internal"]
    assert [name for name, service in SERVICES.items() if out in service["networks"]] == ["worker"]


def test_every_setting_of_the_server_in_it_exists() -> None:
    """A name in `environment` is a setting, or one with _FILE."""
    known = {name.upper() for name in Settings.model_fields}
    for name in {**SERVICES["mcp"]["environment"], **SERVICES["worker"]["environment"]}:
        assert name.removesuffix("_FILE") in known, name


def _seconds(text: str) -> int:
    return int(text.removesuffix("s"))
