"""Finds and removes what a lab leaves on this machine, also one that was killed half-way."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lab.swarm import network, places
from lab.swarm.commands import run


def leftovers() -> list[str]:
    """What is there of a lab: processes, namespaces, links, mounts, control groups, folders."""
    return [
        *(f"process {pid} {line}" for pid, line in _processes()),
        *network.found(),
        *(f"mount {path}" for path in _mounts()),
        *(f"cgroup {path}" for path in _cgroups()),
        *(f"folder {path}" for path in (places.DATA, places.RUN) if path.exists()),
    ]


def machine() -> set[str]:
    """What a lab could change on this machine, to be compared before and after."""
    interesting = ("dockerd", "containerd", "docker-proxy", "docker-init")
    names = _running()
    rules = run("iptables-save").splitlines() if shutil.which("iptables-save") else []
    return {
        *(line.split(" [")[0] for line in rules if line.startswith(("-A", ":"))),
        *(f"netns {line.split()[0]}" for line in run("ip", "netns", "list").splitlines() if line),
        *(f"link {line.split()[1]}" for line in run("ip", "-o", "link").splitlines()),
        *(
            f"mount {line.split()[1]}"
            for line in Path("/proc/self/mounts").read_text().splitlines()
        ),
        *(f"{name} x {names.count(name)}" for name in interesting),
        f"forwarding {Path('/proc/sys/net/ipv4/ip_forward').read_text().strip()}",
    }


def sweep() -> None:
    """Takes all of it away; does nothing where nothing is.

    Raises:
        CommandError: a program that does it failed.
        OSError: a folder does not go away.
    """
    deadline = time.monotonic() + 20
    while (found := _processes()) and time.monotonic() < deadline:
        for pid, _ in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
    network.remove()
    for path in reversed(_mounts()):
        run("umount", "--lazy", path)
    for folder in _cgroups():
        _patiently(folder.rmdir)
    for folder in (places.DATA, places.RUN):
        _patiently(partial(shutil.rmtree, folder))


def _processes() -> list[tuple[int, str]]:
    """Every process whose command line names the lab's folders, or that is in its groups."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            in_group = f"/{places.CGROUP}/" in (entry / "cgroup").read_text()
            if line and (in_group or f"{places.RUN}/n" in line):
                found.append((int(entry.name), line[:100]))
    return found


def _running() -> list[str]:
    """The names of all programs; a dead one that process 1 has yet to bury has no command line."""
    names = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cmdline").read_bytes():
                names.append((entry / "comm").read_text().strip())
    return names


def _mounts() -> list[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    inside = (f"{places.DATA}/", f"{places.RUN}/")
    return [path for path in (line.split()[1] for line in lines) if path.startswith(inside)]


def _cgroups() -> list[Path]:
    """The lab's control groups, innermost first."""
    roots = [
        *Path("/sys/fs/cgroup").glob(f"*/{places.CGROUP}"),
        Path("/sys/fs/cgroup", places.CGROUP),
    ]
    folders = [Path(top) for root in roots for top, _, _ in os.walk(root, topdown=False)]
    return list(dict.fromkeys(folders))


def _patiently(remove: Callable[[], None]) -> None:
    """The kernel lets go of a dead node's groups and files a moment later."""
    for _ in range(50):
        try:
            return remove()
        except FileNotFoundError:
            return None
        except OSError:
            time.sleep(0.1)
    return remove()
