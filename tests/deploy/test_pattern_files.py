"""deploy/patterns/: overlays that fit stack.yml, and say no more than they must."""

import pytest

from server.config import Settings
from tests.deploy.patterns import FOLDER, merged, read

NAMES = sorted(path.stem for path in FOLDER.glob("*.yml"))
BASE = merged()["services"]


def test_the_patterns_are_those_of_the_lesson() -> None:
    """And the peers of sticky, which lie over it."""
    assert NAMES == ["single", "sticky", "sticky-peers"]


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
