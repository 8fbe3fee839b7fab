"""How many replicas a deploy asks for: what was scaled stays, what the files newly say counts."""

from typing import Any

from deploy.stack import ASKED, counts


def service(replicas: int, asked: str | None) -> dict[str, Any]:
    labels = {} if asked is None else {ASKED: asked}
    return {"Spec": {"Mode": {"Replicated": {"Replicas": replicas}}, "Labels": labels}}


def mcp(services: dict[str, Any], **settings: str) -> str:
    return counts(services, settings)[0]["MCP_REPLICAS"]


def test_a_first_deploy_has_what_the_files_say() -> None:
    """Or else the default of stack.yml."""
    variables, notes = counts({}, {"MCP_REPLICAS": "5"})
    assert (variables["MCP_REPLICAS"], variables["WORKER_REPLICAS"]) == ("5", "2")
    assert notes == []


def test_a_scaled_count_stays_and_is_told() -> None:
    """`docker service scale` after the last deploy, and an unchanged service.env."""
    services = {"mcp": service(7, "stateless 3"), "worker": service(4, "stateless 2")}
    variables, notes = counts(services, {"MCP_REPLICAS": "3"})
    assert (variables["MCP_REPLICAS"], variables["WORKER_REPLICAS"]) == ("7", "4")
    assert ["mcp keeps its 7 replicas" in notes[0], "worker keeps its 4" in notes[1]] == [True] * 2


def test_a_new_number_in_the_file_counts() -> None:
    """It was changed since, so it is the later wish."""
    assert mcp({"mcp": service(7, "stateless 3")}, MCP_REPLICAS="5") == "5"


def test_another_pattern_starts_from_its_own_numbers() -> None:
    """`single` has one replica and no worker; what comes after it has not."""
    assert mcp({"mcp": service(1, "single 3")}) == "3"


def test_a_stack_that_was_deployed_by_hand_keeps_its_count() -> None:
    """Nothing says there what the files asked for."""
    assert mcp({"mcp": service(10, None)}) == "10"
    assert mcp({"mcp": service(10, "")}) == "10"
