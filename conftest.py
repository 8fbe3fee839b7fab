"""Which tests start processes: `make test-fast` leaves them out, and no other test may start one."""

import subprocess
from collections.abc import Generator
from multiprocessing.process import BaseProcess
from typing import Any

import pytest

Guarded = Generator[None, object, object]
FIXTURES = {
    "fresh",
    "postgres",
    "postgres_url",
    "replica",
    "shared",
    "shared_replica",
    "streaming",
    "valkey",
}
MARKS = {"conformance", "swarm", "thorough"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks each test that uses a fixture which starts processes, or has a mark that implies it."""
    for item in items:
        used = {*getattr(item, "fixturenames", ()), *(mark.name for mark in item.iter_markers())}
        if used & (FIXTURES | MARKS):
            item.add_marker(pytest.mark.processes)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Guarded:
    return (yield from _guarded(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Guarded:
    return (yield from _guarded(item))


def _guarded(item: pytest.Item) -> Guarded:
    """Fails a test that starts a process without the mark, in every run.

    Not at its teardown: what tests share ends with the last of them, and that may be any.
    """
    if item.get_closest_marker("processes"):
        return (yield)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(subprocess.Popen, "__init__", _refuse)
        patched.setattr(BaseProcess, "start", _refuse)
        return (yield)


def _refuse(*_: Any, **__: Any) -> None:
    pytest.fail("This test starts a process. Next: mark it with @pytest.mark.processes")
