"""The arithmetic of docs/scaling.md, on figures that are easy to reckon with."""

import pytest

from lab.docs import scaling

SIZES = ("1", "3", "10")


def costs(fixed, each, replica=1000.0):
    """What an operation costs Redis: something, and something more for each replica."""
    return {
        size: {"sent": 1.0, "run": 2.0, "cpu": fixed + each * int(size), "replica": replica}
        for size in SIZES
    }


@pytest.fixture
def numbers():
    """A replica does 600 calls a second at 60 %, one balancer 6,000."""
    made = object.__new__(scaling.Numbers)
    made.scale = {
        "measured on": "a machine",
        "replicas": {size: {"rate": 100.0 * int(size), "p50": 50.0} for size in SIZES},
        "found by name": 1000,
        "a waiting call, KB": 32,
        "replica, MB": 84,
    }
    made.shared = {
        "redis": {
            "call in a session": costs(50, 0),
            "event published": costs(100, 1),
            "session closed": costs(0, 10),
        },
        "idle": {"sessions": costs(0, 100)},
        "connections": {"stateless": 3.0, "sessions": 5.0},
        "session, bytes": 1024,
    }
    made.call = {"replica": 1000.0, "balancer": 100.0}
    made.check = {"replica": 200.0, "balancer": 50.0}
    return made


def test_the_line_goes_through_points_that_lie_on_one():
    """And is level through a single one."""
    assert scaling.line([(1, 12), (3, 16), (10, 30)])(1000) == pytest.approx(2010)
    assert scaling.line([(1, 7)])(1000) == 7
    assert scaling.line([(1, 5), (2, 1)])(1000) == 0


def test_calls_balancers_and_redis_follow_from_what_one_costs(numbers):
    """By hand: 1,000 replicas, 600,000 calls/s, 60 cores of balancing at half a core each."""
    assert numbers.rate(1000) == pytest.approx(600_000)
    assert numbers.balancers(1) == 1
    assert numbers.balancers(1000) == 120  # 0.6 less the 0.1 that 2,000 checks take
    assert numbers.at("event published", "cpu", 1000) == pytest.approx(1100)
    assert numbers.beat == pytest.approx(100)
    assert numbers.sessions(10) == pytest.approx(0.6 * 10 * 0.05 + 10 * 0.0001)


def test_checks_that_would_fill_a_balancer_are_told(numbers):
    """No number of balancers would do: each checks every replica."""
    numbers.check["balancer"] = 400.0
    with pytest.raises(OverflowError, match="health checks"):
        numbers.balancers(1000)


def test_every_limit_is_told_smallest_first(numbers):
    """Those of our own files as they stand there."""
    said = scaling.limits(numbers)
    rows = [line.split(" | ")[0].strip("| ") for line in said.splitlines()[2:] if "|" in line]
    found = [int(row.replace(",", "")) for row in rows]
    assert found == sorted(found)
    assert 40 in found  # LB_REPLICAS
    assert "8,000 clients" in said
    assert "9,600 waiting calls in a replica's 384 MB" in said


def test_a_page_without_figures_says_so(monkeypatch, tmp_path):
    """Before the first `make prove`."""
    monkeypatch.setattr(scaling, "ROOT", tmp_path)
    assert {part() for part in scaling.PARTS.values()} == {
        "_`make prove` has not measured it yet._"
    }
