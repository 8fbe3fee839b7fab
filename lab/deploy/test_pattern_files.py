"""deploy/patterns/: overlays that fit stack.yml, and say no more than they must."""

import pytest

from lab.deploy.patterns import FOLDER, merged, read
from mcp_swarm.config import Settings

NAMES = sorted(path.stem for path in FOLDER.glob("*.yml"))
BASE = merged()["services"]
LIVE = merged("split")["services"]["mcp-live"]


def test_the_patterns_are_those_of_the_lesson() -> None:
    """And the peers of sticky, which lie over it."""
    assert NAMES == ["sessions", "single", "split", "sticky", "sticky-peers"]


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_of_a_replica_exists(name: str) -> None:
    """In every service that an overlay touches or adds."""
    known = {name.upper() for name in Settings.model_fields}
    for service, entry in read(FOLDER / f"{name}.yml")["services"].items():
        if service.startswith("mcp"):
            for setting in entry.get("environment", {}):
                assert setting.removesuffix("_FILE") in known, setting


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_of_the_balancer_exists(name: str) -> None:
    """haproxy.cfg reads each."""
    config = (FOLDER.parent / "haproxy" / "haproxy.cfg").read_text()
    lb = read(FOLDER / f"{name}.yml")["services"].get("lb", {})
    for setting in lb.get("environment", {}):
        assert f"${{{setting}}}" in config or f"${setting}" in config, setting


@pytest.mark.parametrize("name", NAMES)
def test_no_value_is_empty(name: str) -> None:
    """`docker stack deploy` takes the one below for an empty one, so it would do nothing."""
    for entry in read(FOLDER / f"{name}.yml")["services"].values():
        for setting, value in entry.get("environment", {}).items():
            below = BASE.get("mcp", {})["environment"].get(setting)
            assert value or not below, setting


def test_the_second_service_of_split_is_the_first_but_for_what_it_is_there_for() -> None:
    """It is written out in full, as anchors do not reach from file to file: it must not drift."""
    first = BASE["mcp"]
    assert set(LIVE) == set(first)
    differing = {name for name in first if first[name] != LIVE[name]}
    assert differing == {"environment", "stop_grace_period", "deploy"}
    differing = {name for name in first["deploy"] if first["deploy"][name] != LIVE["deploy"][name]}
    assert differing == {"replicas", "resources"}
    missing = set(first["environment"]) - set(LIVE["environment"])
    assert missing == set()


def test_the_second_service_of_split_has_time_to_drain() -> None:
    """Its calls may be longer, and Swarm's patience with them."""
    longest = float(LIVE["environment"]["MCP_CALL_TIMEOUT"])
    needed = longest + float(Settings.model_fields["mcp_drain_seconds"].default)
    assert int(LIVE["stop_grace_period"].removesuffix("s")) > needed + 10


def test_the_two_services_of_split_serve_every_tool_once() -> None:
    """A file of server/examples/tools that neither names would be gone, one that both name twice there."""
    pytest.importorskip("server.examples.tools.sales")  # the names are those of the examples
    split = merged("split")["services"]
    named = [
        name
        for service in ("mcp", "mcp-live")
        for name in split[service]["environment"]["MCP_TOOLS"].split(",")
    ]
    folder = FOLDER.parents[1] / "server" / "examples" / "tools"
    assert sorted(named) == sorted(p.stem for p in folder.glob("*.py") if p.stem[0] != "_")


def test_split_fits_a_node_of_two_cores_with_the_surge_of_an_update() -> None:
    """By what is reserved, as stack.yml itself."""
    services = merged("split")["services"]
    count = {"mcp": 3 + 1, "mcp-live": 2 + 1, "worker": 2 + 1}
    reserved = sum(
        float(service["deploy"]["resources"]["reservations"]["cpus"]) * count.get(name, 1)
        for name, service in services.items()
    )
    assert reserved <= 2
