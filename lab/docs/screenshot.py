"""The picture in docs/load-test.md: ``python -m lab.docs.screenshot`` (needs Chromium).

A run against a target that fails for a moment and freezes for another, shown as HTML.
"""

import asyncio
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mcp_swarm_load.report.page import render
from mcp_swarm_load.testing.runs import load
from mcp_swarm_load.testing.target import Target

PICTURE = Path(__file__).parents[2] / "docs" / "load-test.png"
LARGEST_BYTES = 150_000
WIDTH, HEIGHT = 760, 1440
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
THRESHOLDS = ("p95<100ms", "errors<0.1%", "rate>100/s", "even")


async def run() -> str:
    """The page of a run of 20 s."""
    dice = random.Random(1)
    delays = [dice.lognormvariate(-4.2, 0.5) for _ in range(20_000)]
    async with Target(
        replica=lambda n: f"mcp-swarm_mcp.{dice.randint(1, 3)}",
        delay=lambda n: delays[n],
        fault=lambda n: "503" if 4_200 < n < 4_240 and n % 3 == 0 else "",
    ).serving() as target:
        asyncio.get_running_loop().call_later(12, target.freeze, 1.0)
        options = {"rate": 400.0, "arrivals": "poisson", "replicas": 3, "tool": "sales_by_region"}
        document = await load(target, THRESHOLDS, calls=None, seconds=20.0, **options)
    document["target"]["url"] = "http://localhost:8150/mcp"
    return render(document)


def main() -> int:
    """Writes the picture; exit 3 without Chromium, 1 if the picture is too large."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        print("chromium is not installed. Next: apt-get install chromium", file=sys.stderr)
        return 3
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "run.html"
        page.write_text(asyncio.run(run()))
        where = (f"--user-data-dir={folder}/profile", f"--screenshot={PICTURE}")
        size = f"--window-size={WIDTH},{HEIGHT}"
        subprocess.run(
            [browser, *QUIET, *where, size, page.as_uri()],
            check=True,
            capture_output=True,
            timeout=60,
        )
    weight = PICTURE.stat().st_size
    print(f"wrote {PICTURE.name}, {weight:,} bytes")
    return int(weight > LARGEST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
