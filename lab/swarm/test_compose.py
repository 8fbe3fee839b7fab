"""`docker compose up` with the unchanged docker-compose.yml: the stack on a laptop.

With MCP_SWARM_FULL set. What the file has in common with stack.yml, lab/deploy looks at.
"""

import json
import os
import sys
import time

import pytest

from lab.swarm.compose import URL, Composed
from lab.swarm.deployment import SLOW_START

pytestmark = [
    pytest.mark.swarm,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not os.environ.get("MCP_SWARM_FULL"),
        reason="MCP_SWARM_FULL=1 runs it; lab/deploy looks at the file",
    ),
]
JOB = {"tool": "export_sales", "arguments": {"since": "2026-01-01"}}


def test_the_official_client_is_served_in_both_eras(composed: Composed) -> None:
    """From the moment at which `up --wait` returned."""
    text = composed.run(sys.executable, "test_mcp_client.py", "--url", f"{URL}/mcp")
    assert " 0 wrong" in text
    assert text.count("✓ list tools") == 2


def test_a_job_is_done_by_a_worker(composed: Composed) -> None:
    """As docs/long-work.md has it: posted, asked after, and its file fetched."""
    header = ("-H", "Content-Type: application/json")
    job = json.loads(composed.curl("/jobs", "-d", json.dumps(JOB), *header))
    status = job
    deadline = time.monotonic() + 60
    while status["state"] not in ("completed", "failed") and time.monotonic() < deadline:
        time.sleep(0.5)
        status = json.loads(composed.curl(job["status_url"]))
    assert status["state"] == "completed"
    file = composed.curl(status["result_url"], "-H", "Accept: text/csv")
    assert file.startswith("sale_id,")
    assert job["job_id"] in composed.compose("logs", "worker")


def test_all_replicas_work_and_more_of_them_on_demand(composed: Composed) -> None:
    """Three as the file says, five with `--scale mcp=5`, none of which is left out."""
    spread(composed, 3)
    composed.up("--scale", "mcp=5")
    try:
        spread(composed, 5)
    finally:
        composed.up()
    spread(composed, 3)


def spread(composed: Composed, replicas: int) -> None:
    """So many replicas answer, each as often as the others."""
    time.sleep(SLOW_START)
    options = ("--requests", "200", "--concurrent", "20", "--expect-replicas", str(replicas))
    tester = (sys.executable, "test_swarm_load.py", "--accept-busy-client", "--threshold", "even")
    composed.run(*tester, "--url", f"{URL}/mcp", *options)
