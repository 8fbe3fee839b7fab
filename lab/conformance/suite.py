"""Get the official suite, run it, read what it found.

The suite needs Node 22, the inspector 22.19. Where the machine's own is older, `npm ci` brings one
beside them; all are pinned in package-lock.json.
"""

import fcntl
import hashlib
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from lab.require import absent

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
SUITE = MODULES / "@modelcontextprotocol" / "conformance"
OLDEST_NODE = (22, 19)
SECONDS_TO_INSTALL = 200
SECONDS_TO_RUN = 200


@dataclass(frozen=True)
class Scenario:
    """How one scenario went: its checks counted by status, and what failed or warned."""

    name: str
    not_scored: str | None  # why it does not count: "extension", "pending"; None if it does
    checks: dict[str, int]
    complaints: tuple[str, ...]

    @property
    def result(self) -> str:
        """`passed`, `failed`, or `not exercised`; a warning (SHOULD) alone does not fail."""
        if self.checks.get("FAILURE", 0):
            return "failed"
        return "passed" if self.checks.get("SUCCESS", 0) else "not exercised"


@dataclass(frozen=True)
class Run:
    """One run of the suite: its exit code (0 conforms) and every scenario, by name."""

    revision: str
    exit_code: int
    scenarios: dict[str, Scenario]
    output: str
    runs: int = 1  # this is the second where the first was not as expected

    @property
    def scored(self) -> list[Scenario]:
        """The scenarios that count for the revision."""
        return [s for s in self.scenarios.values() if s.not_scored is None]

    @property
    def failed(self) -> list[str]:
        """Names of scored scenarios that did not pass, not exercised ones included."""
        return sorted(s.name for s in self.scored if s.result != "passed")


def missing(what: str, how: str) -> None:
    """Skip with the reason, or fail where nothing may be missing (CI=true)."""
    absent(f"{what} is missing, so conformance cannot be shown here: {how}")


def install() -> None:
    """`npm ci`, once for each state of package-lock.json, by one process at a time."""
    with (HERE / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install()


def _install() -> None:
    digest = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    stamp = MODULES / ".installed"
    if stamp.exists() and stamp.read_text() == digest:
        return
    npm = shutil.which("npm")
    if npm is None:
        missing("npm", "install Node.js with npm (Debian: apt-get install npm)")
        return
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    if _own_node() is not None:
        command.append("--omit=optional")
    done = subprocess.run(
        command, cwd=HERE, capture_output=True, text=True, timeout=SECONDS_TO_INSTALL, check=False
    )
    if done.returncode != 0:
        missing("the suite", f"npm ci failed in {HERE}: {done.stderr.strip()[-600:]}")
    stamp.write_text(digest)


def node() -> str:
    """A Node new enough for the suite: the machine's own, or the one that npm brought."""
    own = _own_node()
    if own is not None:
        return own
    brought = next(MODULES.glob("node-linux-*/bin/node"), None)
    if brought is None:
        oldest = ".".join(map(str, OLDEST_NODE))
        missing(f"Node.js {oldest} or newer", "install it; npm has none for this platform")
    return str(brought)


def _own_node() -> str | None:
    own = shutil.which("node")
    if own is None:
        return None
    version = subprocess.run([own, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = version.lstrip("v").split(".")[:2]
    return own if (int(major), int(minor)) >= OLDEST_NODE else None


def _required(revision: str) -> dict[str, str | None]:
    """Server scenarios of `revision` ("2026-07-28") as the suite froze them: name → why not scored."""
    frozen = yaml.safe_load((SUITE / "requirements" / f"{revision}.yaml").read_text())
    others = {s["scenario"]: s["reason"] for s in frozen["not_scored"] if s["leg"] == "server"}
    return {**dict.fromkeys(frozen["server"]), **others}


def run(
    url: str,
    revision: str,
    results: Path,
    baseline: Path | None = None,
    *,
    as_expected: Callable[[Run], bool] = lambda run: run.exit_code == 0,
) -> Run:
    """Run everything that `revision` requires against `url`; `results` is an empty folder.

    Some of the suite's own time limits are short (0.6 s for the first message of a stream) and a
    busy machine misses them. So a run that is not `as_expected` is made once more, and counts then.
    """
    first = _run(url, revision, results / "1", baseline)
    return (
        first
        if as_expected(first)
        else replace(_run(url, revision, results / "2", baseline), runs=2)
    )


def _run(url: str, revision: str, results: Path, baseline: Path | None) -> Run:
    results.mkdir()
    command = [node(), str(SUITE / "dist" / "index.js"), "server", "--url", url]
    command += ["--requirements", revision, "--output-dir", str(results)]
    if baseline is not None:
        command += ["--expected-failures", str(baseline)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS_TO_RUN, check=False
    )
    output = done.stdout + done.stderr
    return Run(revision, done.returncode, _read(results, _required(revision)), output)


def _read(results: Path, required: dict[str, str | None]) -> dict[str, Scenario]:
    """Every scenario that left its checks in `results`, in the order of the requirements."""
    folders = {}
    for folder in results.iterdir():
        match = re.fullmatch(r"server-(.+)-\d{4}-\d\d-\d\dT.+", folder.name)
        if match is None or match[1] not in required:
            raise ValueError(f"{folder.name} is not the result of a scenario of this revision")
        folders[match[1]] = folder
    return {
        name: _scenario(name, reason, json.loads((folders[name] / "checks.json").read_text()))
        for name, reason in required.items()
        if name in folders
    }


def _scenario(name: str, not_scored: str | None, checks: list[dict[str, str]]) -> Scenario:
    complaints = tuple(
        f"{c['status']} {c['id']}: {c.get('errorMessage') or c['description']}"
        for c in checks
        if c["status"] in ("FAILURE", "WARNING")
    )
    return Scenario(name, not_scored, dict(Counter(c["status"] for c in checks)), complaints)
