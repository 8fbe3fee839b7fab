"""`--record` writes every call, and `report` gives the same report from the file."""

import json
import random
import signal
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mcp_swarm_load.cli.report_command import load
from mcp_swarm_load.measure.identity import Criteria, identity
from mcp_swarm_load.measure.record import Recorder, RecordError
from mcp_swarm_load.measure.result import Result
from mcp_swarm_load.plan import Plan
from mcp_swarm_load.report.document import assemble, cut_short
from mcp_swarm_load.report.terminal import render
from mcp_swarm_load.target.connection import Exchange
from mcp_swarm_load.testing.runs import BUSY, finished, names, program
from mcp_swarm_load.testing.target import Target

pytestmark = pytest.mark.processes

PLAN = Plan(url=urlsplit("http://localhost:1/mcp"))


def mishaps(number: int) -> str:
    return {7: "503", 11: "rpc error", 13: "cut"}.get(number % 40, "")


def a_target() -> Target:
    return Target(replica=lambda n: names(3)[n % 3], delay=lambda n: 0.0005 * (n % 9),
                  fault=mishaps)  # fmt: skip


def lines_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_every_call_is_a_line_with_its_times_replica_name_outcome_and_size(tmp_path):
    path = tmp_path / "run.jsonl"
    async with a_target().serving() as target:
        code, out, _ = await finished(
            "--url", target.url, "--requests", "200", "--tool", "add", "--record", str(path)
        )
    head, *calls, last = lines_of(path)

    assert code == 1, "15 calls went wrong"
    assert f"every call: {path}" in out
    assert (head["schema"], head["target"]["url"]) == ("mcp-swarm-loadtest/1", target.url)
    assert "closing" in last
    assert len(calls) == 200
    right = [call for call in calls if call["outcome"] == "ok"]
    assert len(right) == 185
    assert all(0 <= c["due"] <= c["sent"] < c["first"] <= c["done"] for c in right)
    assert {c["replica"] for c in right} == set(names(3))
    assert {(c["era"], c["name"], c["status"]) for c in right} == {
        ("modern", "tools/call add", 200)
    }
    assert all(c["bytes"] > 50 for c in right)
    cut = [call for call in calls if call["outcome"] == "connection lost before the answer"]
    assert [(c["first"], c["status"], c["bytes"]) for c in cut] == [(None, 0, 0)] * 5


@pytest.mark.parametrize("words", [("--requests", "1500"), ("--rate", "500", "--duration", "1.2")])
async def test_a_run_read_back_gives_the_same_bytes(words, tmp_path):
    """The report and the document are the same from the document and from the record."""
    record, kept = tmp_path / "run.jsonl", tmp_path / "run.json"
    async with a_target().serving() as target:
        _, live, _ = await finished(
            "--url", target.url, *words, BUSY, "--threshold", "p90<9s", "errors<20%",
            "--record", str(record), "--json", str(kept),
        )  # fmt: skip
    from_record = await finished("report", str(record))
    from_document = await finished("report", str(kept))
    as_json = await finished("report", str(record), "--format", "json")

    assert (0, live, "") == from_record == from_document
    assert as_json[1] == kept.read_text()


def test_calls_count_the_same_in_any_order():
    """Processes write independently, so the order of a record differs from that of the run."""
    calls = []
    for number in range(400):
        exchange = Exchange(number * 10_000_000)
        exchange.sent = exchange.due + 1_000
        exchange.first_byte, exchange.done = exchange.sent + 5_000, exchange.sent + 6_000
        exchange.status, exchange.replica_raw = 200, b"r%d" % (number % 3)
        error = {4: f"HTTP 503, try {number}", 5: f"lost after {number} s"}.get(number % 8, "")
        calls.append(
            (exchange, error, "modern", f"tools/call t{number % 2}", f"tenant {number % 5}")
        )
    reported = []
    for order in (calls, calls[::-1], random.Random(3).sample(calls, len(calls))):
        result = Result(0)
        for call in order:
            result.add(*call)
        reported.append(assemble(identity(PLAN, 0.0, ["x"], Criteria()), result, cut_short(result)))

    assert reported[0] == reported[1] == reported[2]
    assert [group["text"] for group in reported[0]["errors"]] == [
        "HTTP 503, try 4",
        "lost after 5 s",
    ]


async def test_several_processes_write_one_record(tmp_path):
    """Lines are complete, and the report is the same."""
    record = tmp_path / "run.jsonl"
    async with a_target().serving() as target:
        _, live, _ = await finished(
            "--url", target.url, "--requests", "3000", "--processes", "2",
            "--record", str(record), BUSY,
        )  # fmt: skip
    _, again, _ = await finished("report", str(record))

    assert len(lines_of(record)) == 3_002
    assert again == live


async def test_further_requests_of_a_call_are_in_the_record(tmp_path):
    """They count for their replica only, in the run and in the record."""
    record = tmp_path / "run.jsonl"
    async with a_target().serving() as target:
        _, live, _ = await finished(
            "--url", target.url, "--requests", "60", "--era", "legacy", "--sessions", "5",
            "--record", str(record), BUSY,
        )  # fmt: skip
    _, again, _ = await finished("report", str(record))

    assert again == live


async def test_the_record_of_a_run_that_was_killed_can_be_read(tmp_path):
    """The report has every recorded call and says that the run was interrupted."""
    record = tmp_path / "run.jsonl"
    async with a_target().serving() as target:
        process = await program("--url", target.url, "--duration", "60", "--record", str(record))
        await target.wait_for_requests(2_500)
        process.send_signal(signal.SIGKILL)
        await process.communicate()
    whole = load(record)
    record.write_bytes(record.read_bytes()[:-20])
    cut = load(record)

    assert whole["interrupted"]
    assert whole["totals"]["made"] >= 2_000
    assert cut["totals"]["made"] == whole["totals"]["made"] - 1
    assert "interrupted: this is the run so far" in render(whole)


async def test_the_suffix_of_the_file_chooses_markdown_or_html(tmp_path):
    """The page has no script and needs no network. A target's text is escaped."""
    kept = tmp_path / "run.json"
    async with Target(
        replica=lambda n: "<img src=x>", fault=lambda n: "503" if n == 3 else ""
    ).serving() as target:
        await finished("--url", target.url, "--json", str(kept))
    for name in ("run.md", "run.html", "run.txt"):
        assert (await finished("report", str(kept), "-o", str(tmp_path / name)))[0] == 0
    page, text = (tmp_path / "run.html").read_text(), (tmp_path / "run.md").read_text()

    assert page.startswith("<!doctype html>")
    assert [word for word in ("<script", "<img", "src=", "@import", "<link") if word in page] == [
        "src="
    ], "the replica's name, escaped"
    assert "&lt;img src=x&gt;" in page
    assert page.count("<svg") >= 1
    assert "| ✗ | every answer right | 100 % | 98.00 % |" in text
    assert "\\<img src=x\\>" in text
    assert (tmp_path / "run.txt").read_text().startswith("MCP SWARM LOAD TEST")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read"),
        ("", "is empty: expected a run's JSON document or its record"),
        ("hello\n", "line 1 is not a line of a record"),
        ("{}", "is not the record of a run"),
        ('{"schema":"other/9","totals":{}}', "has schema 'other/9': expected 'mcp-swarm-"),
        ("[]\n[]\n", "line 1 is not a line of a record"),
    ],
)
async def test_a_file_that_is_not_a_run_gives_exit_code_2(content, said, tmp_path):
    path = tmp_path / "run.jsonl"
    if content is not None:
        path.write_text(content)
    code, out, err = await finished("report", str(path))

    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


async def test_a_record_that_cannot_be_written_fails_before_any_call(tmp_path):
    (tmp_path / "file").touch()
    async with Target().serving() as target:
        code, out, err = await finished(
            "--url", target.url, "--record", str(tmp_path / "file" / "run.jsonl")
        )

    assert (code, out, target.requests) == (1, "", [])
    assert "cannot write" in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
def test_a_full_disk_is_reported_as_an_incomplete_record():
    recorder = Recorder("/dev/full", Result(0))
    recorder(Exchange(5), "", "modern", "tools/list", "")

    with pytest.raises(RecordError, match="/dev/full is incomplete: No space left"):
        recorder.close()
