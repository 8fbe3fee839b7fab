"""The examples of long work: a report to download, and a search through an archive."""

import csv
import gzip
import io
import shutil
from pathlib import Path

import pytest

from lab.examples.samples import require_samples

report = pytest.importorskip("server.examples.tools.sales_report")
pytest.importorskip("server.examples.tools.sales")
pytest.importorskip("server.examples.tools.log_archive")
require_samples()

from lab.examples.samples import SAMPLES
from lab.jobs.team import Follower
from lab.mcp_wire import answer, call, events, text

EXAMPLES = ("server.examples.tools", "server.examples.resources", "server.examples.prompts")


@pytest.fixture
def curl(http):
    return Follower(http)


async def test_the_sales_report_is_a_file_to_download(replica, curl, http):
    """Its rows are the sales, its sum is what the database tells; the job tells how far it is."""
    made = replica(packages=EXAMPLES)
    job = await curl.submit(made, "export_sales", since="2026-01-01", region="north")
    done = await curl.until(made, job)
    assert done["state"] == "completed", done
    assert done["message"].endswith("sales")
    result = await curl.result(made, job)
    reported = result["structuredContent"]
    file = await http.get(f"{made.base}/jobs/{job}/result", headers={"Accept": "text/csv"})
    assert file.headers["Content-Type"].startswith("text/csv")
    assert reported["file"] in file.headers["Content-Disposition"]
    assert file.headers["Cache-Control"] == "no-store"
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert len(rows) == reported["rows"] > 100
    assert {row["region"] for row in rows} == {"north"}
    assert min(row["sold_on"] for row in rows) >= "2026-01-01"
    regions = answer(await http.post(made.url, **call("get_sales_by_region", since="2026-01-01")))
    (north,) = (
        r for r in regions["result"]["structuredContent"]["regions"] if r["region"] == "north"
    )
    assert float(reported["revenue"]) == float(north["revenue"])
    assert north["sales"] == reported["rows"]


async def test_a_report_of_few_rows_is_had_directly_too(replica, http):
    """The hybrid rule: what is fast needs no job."""
    made = replica(packages=EXAMPLES)
    called = await http.post(
        made.url, **call("export_sales", since="2026-06-29", until="2026-06-30")
    )
    assert " sales, " in text(called)


async def test_no_name_becomes_a_formula(monkeypatch):
    """A spreadsheet would run it."""
    assert report._as_text("=1+1") == "'=1+1"
    assert report._as_text("Ada & Co") == "Ada & Co"


async def test_a_search_tells_how_far_it_is_within_a_file(replica, http, tmp_path):
    """Not only file by file: an archive may be one large file."""
    root: Path = tmp_path / "files"
    (root / "logs").mkdir(parents=True)
    log = root / "logs" / "large.log"
    log.write_text("2026-01-01 INFO a line\n" * 12_000)
    made = replica(packages=EXAMPLES, FILES_ROOT=root, MCP_JSON_RESPONSE="false")
    asked = call("search_log_archive", pattern="nothing")
    asked["json"]["params"]["_meta"] |= {"progressToken": "p"}
    response = await http.post(made.url, **asked)
    reported = [
        m["params"] for m in events(response.text) if m.get("method", "").endswith("/progress")
    ]
    size = log.stat().st_size
    assert {one["total"] for one in reported} == {size}
    assert [one["progress"] / size for one in reported] == pytest.approx([5 / 12, 10 / 12, 1])


async def test_the_archive_is_searched_compressed_files_too(replica, curl, tmp_path):
    """Matches are counted for each file; a broken file says so."""
    root: Path = tmp_path / "files"
    shutil.copytree(SAMPLES, root)
    log = (root / "logs" / "checkout.log").read_bytes()
    (root / "logs" / "checkout-1.log.gz").write_bytes(gzip.compress(log))
    made = replica(packages=EXAMPLES, FILES_ROOT=root)
    job = await curl.submit(made, "search_log_archive", pattern="GET /cart", limit=5)
    done = await curl.until(made, job)
    found = (await curl.result(made, job))["structuredContent"]
    expected = sum(b"GET /cart" in line for line in log.splitlines())
    assert expected > 0
    assert found["files"]["logs/checkout.log"] == expected
    assert found["files"]["logs/checkout-1.log.gz"] == expected
    assert found["files"]["logs/billing.log"] == 0
    assert len(found["matches"]) == 5
    assert done["progress"] == done["total"]
    (root / "logs" / "broken.log.gz").write_bytes(gzip.compress(log)[:500])
    job = await curl.submit(made, "search_log_archive", pattern="x")
    assert "cannot be decompressed" in await curl.text(made, job)
