"""A lab leaves nothing on the machine, however it ends."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from lab.require import absent
from lab.swarm import cleanup
from lab.swarm.commands import PROJECT, run
from lab.swarm.lab import obstacle

pytestmark = [pytest.mark.swarm, pytest.mark.timeout(180)]

# In its short form, the worst that can happen to a lab.
FULL = bool(os.environ.get("MCP_SWARM_FULL"))
HOW = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT] if FULL else [signal.SIGKILL]

# A second lab beside the one of the other tests, with no image and so up in seconds. SIGINT is
# ignored, until one asks for it, by all that a shell starts in the background.
OTHER = {**os.environ, "MCP_SWARM_LAB": "9"}
ENDLESS = """
import signal, time
from lab.swarm.lab import Lab
signal.signal(signal.SIGINT, signal.default_int_handler)
with Lab(2, bare=True) as lab:
    lab.nodes[1].engine.docker("network", "create", "one")
    print("up", flush=True)
    time.sleep(600)
"""
LEFT = "from lab.swarm import cleanup; print(*cleanup.leftovers(), sep='\\n')"
SWEEP = "from lab.swarm import cleanup; cleanup.sweep()"


@pytest.fixture
def a_lab() -> "Iterator[subprocess.Popen[str]]":
    """A process that holds a lab of two nodes, and a sweep behind whatever the test does."""
    if why := obstacle():
        absent(why)
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS], cwd=PROJECT, env=OTHER, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout
        try:
            assert process.stdout.readline() == "up\n"
            yield process
        finally:
            process.kill()
            run(sys.executable, "-c", SWEEP, env=OTHER)


@pytest.mark.parametrize("how", HOW)
def test_nothing_is_left_of_a_lab_whose_tests_are_killed(
    a_lab: "subprocess.Popen[str]", how: signal.Signals
) -> None:
    """Not one process, namespace, link, mount, control group or folder stays."""
    assert len(left()) > 10, "the lab should be there to be left"
    a_lab.send_signal(how)
    a_lab.wait(60)
    deadline = time.monotonic() + 60
    while left() and time.monotonic() < deadline:
        time.sleep(0.5)
    assert left() == []


def test_the_next_lab_sweeps_up_after_one_that_could_not(a_lab: "subprocess.Popen[str]") -> None:
    """Even if its guard was killed as well, what it left is found and removed."""
    guards = run("pgrep", "--parent", str(a_lab.pid)).split()
    for pid in guards:
        with contextlib.suppress(ProcessLookupError):
            if "lab.swarm.guard" in run("ps", "-o", "args=", "-p", pid):
                os.kill(int(pid), signal.SIGKILL)
    a_lab.kill()
    a_lab.wait(60)
    assert len(left()) > 10, "with its guard dead, everything stays"
    run(sys.executable, "-c", SWEEP, env=OTHER)
    assert left() == []


def test_a_lab_changes_nothing_on_the_machine_itself(a_lab: "subprocess.Popen[str]") -> None:
    """No firewall rule of this machine and no switch of its kernel is touched, even meanwhile."""
    touched = {"-A", ":", "forwarding"}
    now = {line for line in cleanup.machine() if line.startswith(tuple(touched))}
    a_lab.terminate()
    a_lab.wait(60)
    while left():
        time.sleep(0.5)
    assert {line for line in cleanup.machine() if line.startswith(tuple(touched))} == now
    assert not [line for line in now if "DOCKER" in line]


def left() -> list[str]:
    """What is there of the other lab."""
    return run(sys.executable, "-c", LEFT, env=OTHER).splitlines()
