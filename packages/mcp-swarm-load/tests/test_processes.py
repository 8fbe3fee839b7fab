"""Worker processes share one schedule, and their results merge into one exact result."""

import asyncio
import itertools
import json
import os
import random
import signal
from pathlib import Path

import pytest

from mcp_swarm_load.measure.affinity import Affinity
from mcp_swarm_load.measure.result import MAX_ERROR_GROUPS, Result
from mcp_swarm_load.plan import Share
from mcp_swarm_load.testing.runs import BUSY, finished, names, on_a_terminal, program
from mcp_swarm_load.testing.target import Target

pytestmark = pytest.mark.processes


def exchange(dice: random.Random):
    from mcp_swarm_load.target.connection import Exchange

    made = Exchange(dice.randint(0, 5_000_000_000))
    made.sent = made.due + dice.randint(0, 1_000)
    made.first_byte = made.sent + dice.randint(0, 1_000_000)
    made.done = made.first_byte + dice.randint(0, 900_000_000)
    made.status = 200
    made.replica_raw = dice.choice([b"a", b"b", b"c"])
    return made


def shown(result: Result) -> dict:
    """Returns all fields of a result as plain values."""

    def plain(value):
        if isinstance(value, dict):
            return {key: plain(each) for key, each in value.items()}
        names = getattr(value, "__slots__", None) or getattr(value, "__dict__", None)
        return {name: plain(getattr(value, name)) for name in names} if names else value

    return {name: plain(value) for name, value in vars(result).items()}


def test_merged_results_are_what_one_process_would_have_counted():
    """Every histogram, second, replica, kind, tenant and error group."""
    dice = random.Random(5)
    whole, parts = Result(0), [Result(0), Result(0), Result(0)]
    for number in range(3_000):
        made = exchange(dice)
        wrong = dice.choice(["", "", "", f"HTTP {dice.choice([500, 503])}", "tool error: x"])
        kind = dice.choice(["tools/call a", "tools/list"])
        for result in (whole, parts[number % 3]):
            result.made += 1
            result.add(made, wrong, "modern", kind, dice.choice("x") + kind[-1])
            result.flow.rounds += 1
            result.flow.stream_last_byte.record(made.done)
            result.lateness.record(made.sent - made.due)
    first, *others = parts
    for other in others:
        first.merge(other)

    expected, got = shown(whole), shown(first)
    for groups in (expected["errors"], got["errors"]):
        for group in groups.values():
            del group["text"], group["first"]  # a group keeps the earliest text
    assert got == expected
    assert first.right + first.failed == first.made == 3_000


def test_merging_keeps_the_limit_on_error_groups():
    parts = [Result(0), Result(0)]
    dice = random.Random(1)
    for which, part in enumerate(parts):
        for number in range(MAX_ERROR_GROUPS):
            part.add(exchange(dice), f"error {'abcdefgh'[which]}{chr(97 + number)}zz")
    parts[0].merge(parts[1])

    assert len(parts[0].errors) <= MAX_ERROR_GROUPS + 1
    assert sum(group.count for group in parts[0].errors.values()) == 2 * MAX_ERROR_GROUPS


def test_affinities_add_up():
    one, other = Affinity(), Affinity()
    one.pinned["a"], other.pinned["a"], other.mixed, other.repeats = 2, 3, 1, 7
    one.merge(other)

    assert (one.pinned["a"], one.mixed, one.repeats) == (5, 1, 7)


@pytest.mark.parametrize(("whole", "of"), [(10, 3), (2, 3), (0, 2), (7, 1), (100, 8)])
def test_shares_add_up(whole, of):
    parts = [Share(number, of).part(whole) for number in range(of)]

    assert sum(parts) == whole
    assert max(parts) - min(parts) <= 1


def id_of(request: bytes) -> int:
    return int(json.loads(request.partition(b"\r\n\r\n")[2])["id"])


@pytest.mark.parametrize(
    "load_of", [("--concurrent", "8"), ("--rate", "300")], ids=["closed", "open"]
)
async def test_processes_share_the_calls_and_report_one_result(load_of, tmp_path):
    record = tmp_path / "run.jsonl"
    async with Target(replica=lambda n: names(3)[n % 3]).serving() as target:
        code, out, err = await finished(
            "--url", target.url, "--requests", "301", "--processes", "3", "--json", "-",
            "--record", str(record), BUSY, *load_of,
        )  # fmt: skip
    run = json.loads(out)

    assert (code, run["totals"]["right"], len(target.requests)) == (0, 301, 301), err
    assert len({id_of(request) for request in target.requests}) == 301, "ids are not used twice"
    assert sum(each["calls"] for each in run["replicas"]) == 301
    assert run["latency_ms"]["since_due"]["n"] == 301
    assert run["spread"]["verdict"] == "even"
    assert sum(each["right"] for each in run["timeline"]) == 301
    assert run["client"]["connections"] == target.connections
    if load_of[0] == "--rate":
        due = sorted(json.loads(line)["due"] for line in record.read_text().splitlines()[1:-1])
        schedule = [number * 1e9 / 300 for number in range(301)]
        assert due == pytest.approx(schedule, abs=1), "one schedule, begun by all at once"


async def test_connections_of_all_processes_count_for_a_pinned_spread():
    """A TCP balancer pins forty connections to three replicas."""
    turns = itertools.count()
    async with Target(
        replica=lambda n: names(3)[next(turns) % 3], by_connection=True
    ).serving() as target:
        _, out, _ = await finished(
            "--url", target.url, "--requests", "1000", "--concurrent", "40", "--processes",
            "2", "--json", "-",
        )  # fmt: skip
    spread = json.loads(out)["spread"]

    assert (spread["unit"], spread["n"]) == ("connection", target.connections)


async def test_processes_make_half_of_the_calls_in_each_era():
    async with Target().serving() as target:
        await finished(
            "--url", target.url, "--requests", "200", "--processes", "2", "--era", "both"
        )

    assert sum(b"2025-11-25" in request for request in target.requests) == pytest.approx(100, abs=2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_run_of_processes_reports_its_result_so_far(number):
    """The parent gets the signal, as from a terminal. No process is left."""
    async with Target().serving() as target:
        process = await program(
            "--url", target.url, "--duration", "60", "--rate", "100", "--processes", "2",
            "--json", "-", BUSY,
        )  # fmt: skip
        await target.wait_for_requests(40)
        workers = children(process.pid)
        process.send_signal(number)
        out, _ = await asyncio.wait_for(process.communicate(), 30)
    run = json.loads(out)

    assert process.returncode == 0
    assert run["interrupted"]
    assert run["totals"]["right"] == len(target.requests) >= 40
    assert len(workers) == 2
    assert not any(running(each) for each in workers)


async def test_a_dead_worker_fails_the_run_without_a_result():
    """A result without its calls would be wrong."""
    async with Target().serving() as target:
        process = await program(
            "--url", target.url, "--duration", "60", "--rate", "100", "--processes", "2"
        )
        await target.wait_for_requests(20)
        workers = children(process.pid)
        os.kill(workers[0], signal.SIGKILL)
        out, err = await asyncio.wait_for(process.communicate(), 30)

    assert (process.returncode, out) == (1, b"")
    assert b"ended early with exit code -9" in err
    assert not any(running(each) for each in workers)


async def test_workers_end_when_their_parent_is_killed():
    async with Target().serving() as target:
        process = await program(
            "--url", target.url, "--duration", "60", "--rate", "100", "--processes", "2"
        )
        await target.wait_for_requests(20)
        workers = children(process.pid)
        process.kill()
        await process.wait()
        for _ in range(400):
            if not any(running(each) for each in workers):
                break
            await asyncio.sleep(0.1)

    assert len(workers) == 2
    assert not any(running(each) for each in workers)


async def test_an_unreachable_target_is_reported_once():
    code, out, err = await finished("--url", "http://127.0.0.1:9/mcp", "--processes", "2")

    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "connection refused" in err


async def test_the_progress_line_covers_all_processes():
    async with Target(replica=lambda n: names(3)[n % 3]).serving() as target:
        text = await on_a_terminal(
            "--url", target.url, "--rate", "100", "--duration", "1.5", "--processes", "2",
            TERM="xterm", NO_COLOR="1",
        )  # fmt: skip

    last = text.split("MCP SWARM")[0].split("\r\x1b[K")[-2]
    assert "3 replicas" in last
    assert 60 < int(last.split()[2]) <= 150


def children(parent: int) -> list[int]:
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(each) for each in listed.split()]


def running(process: int) -> bool:
    """Returns whether the process exists and is no zombie."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
