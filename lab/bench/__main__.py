"""``make bench``: a call's cost beside others', in one run. Exit 0 all claims hold, 1 one does not.

python -m lab.bench                      everything, written into docs/performance.md
python -m lab.bench --rows small --rounds 3 --no-page
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from lab.bench.measure import compare
from lab.bench.report import claims, document, table
from lab.bench.rows import rows
from lab.docs import generate

DOCUMENT = generate.ROOT / "docs" / "performance.json"


def main() -> int:
    """Runs the comparison; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.bench", description=__doc__)
    parser.add_argument("--rows", default="", help="only rows whose name contains this")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each cell in each round")
    parser.add_argument("--no-page", action="store_true", help="leave docs/performance.* alone")
    options = parser.parse_args()
    asked = [row for row in rows() if options.rows in row.name]
    with tempfile.TemporaryDirectory() as folder:
        seen = compare(asked, options.rounds, options.seconds, Path(folder))
    found = document(seen, options.rounds, options.seconds)
    print(table(found))
    print()
    for claim, holds in claims(seen):
        print(f"{'✓' if holds else '✗'} {claim}")
    if not options.no_page:
        DOCUMENT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
        page = "docs/performance.md"
        (generate.ROOT / page).write_text(generate.rendered(page, generate.STATIC[page]))
    return 0 if all(holds for _, holds in claims(seen)) else 1


if __name__ == "__main__":
    sys.exit(main())
