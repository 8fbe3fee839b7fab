"""The official suite passes, directly and behind the balancer, and is seen to fail when it must."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import yaml

from lab.conformance import report, suite
from lab.conformance.balancer import Balancer, balancer
from lab.conformance.replicas import new_key, replica, replicas
from lab.jobs.following import created, following, notified_until
from lab.valkey import Valkey

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.timeout(600),
    pytest.mark.usefixtures("official_suite"),
]

MODERN, LEGACY = "2026-07-28", "2025-11-25"
# How many server scenarios each revision scores: frozen by the suite, so a run of none shows.
SCORED = {MODERN: 37, LEGACY: 30}
JSON_ONLY = suite.HERE / "expected-2026-07-28-json.yml"
WITHOUT_SESSIONS = suite.HERE / "expected-2025-11-25-stateless.yml"

# What carries state from one request to the next and so needs the same keys everywhere.
NEEDS_SHARED_KEYS = {
    "input-required-result-request-state",
    "input-required-result-multiple-input-requests",
    "input-required-result-multi-round",
}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """An empty folder for the suite to write into."""
    folder = tmp_path / "results"
    folder.mkdir()
    return folder


def assert_every_replica_served_its_share(lb: Balancer) -> None:
    """Round robin gives each the same number; a health check that came late may shift some."""
    served = lb.served()
    assert len(served) == 3
    assert min(served) > 30
    assert min(served) > sum(served) / 4


@contextmanager
def balanced_with_a_worker(folder: Path, valkey: Valkey, **settings: str) -> Iterator[Balancer]:
    """Three replicas behind HAProxy and a worker, which share their keys and Redis."""
    key, settings = new_key(), {**settings, "REDIS_URL": valkey.url_of("everything")}
    with (
        replicas(folder, [key] * 3, **settings) as servers,
        replica(folder, "worker", "worker", **settings, MCP_REQUEST_STATE_KEYS=key),
        balancer(folder, servers) as lb,
    ):
        yield lb


def test_every_scenario_of_2026_07_28_passes_directly(tmp_path: Path, results: Path) -> None:
    """One replica that can stream passes all that the revision scores."""
    with replica(tmp_path, "alone", MCP_REQUEST_STATE_KEYS=new_key()) as server:
        run = suite.run(server.url, MODERN, results)
    report.save("2026-07-28-direct", run)
    assert run.failed == [], run.output
    assert len(run.scored) == SCORED[MODERN]
    assert run.exit_code == 0


def test_every_scenario_of_2026_07_28_passes_with_each_request_on_another_replica(
    tmp_path: Path, results: Path
) -> None:
    """Three replicas that share keys behind HAProxy are one server to the suite."""
    with replicas(tmp_path, [new_key()] * 3) as servers, balancer(tmp_path, servers) as lb:
        run = suite.run(lb.url, MODERN, results)
        assert_every_replica_served_its_share(lb)
    report.save("2026-07-28-balanced", run)
    assert run.failed == [], run.output
    assert len(run.scored) == SCORED[MODERN]
    assert run.exit_code == 0


def test_every_scenario_of_the_tasks_extension_passes_with_each_request_on_another_replica(
    tmp_path: Path, results: Path, valkey: Valkey
) -> None:
    """Not scored by the suite, required here: no replica runs a job, a worker does."""
    with balanced_with_a_worker(tmp_path, valkey) as lb:
        run = suite.run(lb.url, MODERN, results, as_expected=lambda run: not complaints(run))
    report.save("2026-07-28-tasks", run)
    assert complaints(run) == {}
    found = {name: s for name, s in run.scenarios.items() if name.startswith("tasks-")}
    assert len(found) == 10
    # Its run() gives back "skipped" and asks the server nothing, whatever the server does: it
    # waits for a rewrite on subscriptions/listen. The next test asks in its place.
    unseen = {name for name, s in found.items() if s.result == "not exercised"}
    assert unseen == {"tasks-status-notifications"}
    assert run.failed == [], run.output


async def test_status_notifications_come_with_each_request_on_another_replica(
    tmp_path: Path, valkey: Valkey, http: httpx2.AsyncClient
) -> None:
    """What tasks-status-notifications describes and does not ask: taskId, status, the result."""
    with balanced_with_a_worker(tmp_path, valkey) as lb:
        task = await created(http, lb, "slow_compute", seconds=5, label="x")
        async with following(http, lb, task) as (honored, messages):
            seen = await notified_until(messages)
    assert honored == {"taskIds": [task]}
    assert {text["taskId"] for text in seen} == {task}
    assert seen[0]["status"] == "working"
    assert seen[-1]["result"]["content"][0]["text"] == "x done after 5 s"


def test_only_progress_of_2026_07_28_is_given_up_at_default_settings(
    tmp_path: Path, results: Path
) -> None:
    """A replica that answers in JSON only passes all but what its baseline names."""
    settings = {"MCP_JSON_RESPONSE": "true", "MCP_REQUEST_STATE_KEYS": new_key()}
    with replica(tmp_path, "json", **settings) as server:
        run = suite.run(server.url, MODERN, results, JSON_ONLY)
    report.save("2026-07-28-json", run, JSON_ONLY)
    assert_only_these_fail(run, JSON_ONLY)


def test_input_rounds_fail_when_replicas_do_not_share_their_keys(
    tmp_path: Path, results: Path
) -> None:
    """The control: the suite sees it when state cannot travel, and nothing else fails."""
    keys = [new_key(), new_key(), new_key()]
    with replicas(tmp_path, keys) as servers, balancer(tmp_path, servers) as lb:
        run = suite.run(
            lb.url, MODERN, results, as_expected=lambda run: set(run.failed) == NEEDS_SHARED_KEYS
        )
    assert set(run.failed) == NEEDS_SHARED_KEYS, run.output
    assert len(run.scored) == SCORED[MODERN]
    assert run.exit_code == 1


def test_every_scenario_of_2025_11_25_passes_with_sessions(tmp_path: Path, results: Path) -> None:
    """A replica with sessions in its memory passes all."""
    settings = {"MCP_STATELESS_HTTP": "false", "MCP_REQUEST_STATE_KEYS": new_key()}
    with replica(tmp_path, "sessions", **settings) as server:
        run = suite.run(server.url, LEGACY, results)
    report.save("2025-11-25-stateful", run)
    assert_all_pass(run)


@pytest.mark.parametrize("revision", [LEGACY, MODERN])
def test_every_scenario_passes_with_sessions_on_changing_replicas(
    tmp_path: Path, results: Path, valkey: Valkey, revision: str
) -> None:
    """Sessions in Redis: three replicas without stickiness are one server, to both eras."""
    # without a worker, the suite waits for tasks that nobody runs
    with balanced_with_a_worker(tmp_path, valkey, MCP_STATELESS_HTTP="false") as lb:
        run = suite.run(lb.url, revision, results)
        assert_every_replica_served_its_share(lb)
    report.save(f"{revision}-sessions-balanced", run)
    assert_all_pass(run)


def test_sessions_of_one_replica_are_lost_on_the_next(tmp_path: Path, results: Path) -> None:
    """The control: with sessions in memory, the same three replicas fail the suite."""
    keys = [new_key()] * 3
    settings = {"MCP_STATELESS_HTTP": "false"}
    with (
        replicas(tmp_path, keys, **settings) as servers,
        balancer(tmp_path, servers) as lb,
    ):
        run = suite.run(lb.url, LEGACY, results, as_expected=lambda run: run.exit_code == 1)
    assert len(run.failed) > SCORED[LEGACY] / 2, run.output


def test_only_the_baseline_of_2025_11_25_fails_without_sessions_on_changing_replicas(
    tmp_path: Path, results: Path
) -> None:
    """Without sessions, an older client loses what needs one, and nothing else, on any replica."""
    with replicas(tmp_path, [new_key()] * 3) as servers, balancer(tmp_path, servers) as lb:
        run = suite.run(lb.url, LEGACY, results, WITHOUT_SESSIONS)
        assert_every_replica_served_its_share(lb)
    report.save("2025-11-25-stateless-balanced", run, WITHOUT_SESSIONS)
    assert_only_these_fail(run, WITHOUT_SESSIONS)


def complaints(run: suite.Run) -> dict[str, tuple[str, ...]]:
    """What is said against the scored scenarios and those of the tasks extension, by name."""
    return {
        name: s.complaints
        for name, s in run.scenarios.items()
        if s.result == "failed" and (s.not_scored is None or name.startswith("tasks-"))
    }


def assert_all_pass(run: suite.Run) -> None:
    """Those that count, and those that do not but for extensions."""
    assert run.failed == [], run.output
    assert len(run.scored) == SCORED[run.revision]
    assert run.exit_code == 0, run.output


def assert_only_these_fail(run: suite.Run, baseline: Path) -> None:
    """Exactly what the baseline names failed; the suite itself checks that it is not stale."""
    assert run.failed == sorted(yaml.safe_load(baseline.read_text())["server"] or []), run.output
    assert len(run.scored) == SCORED[run.revision]
    assert run.exit_code == 0, run.output
