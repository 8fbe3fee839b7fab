"""``make prove``: runs every proof, writes docs/proofs.md. ``--short`` is CI's form: no writing.

Exit 0 all hold, 1 one does not. Names run only some: ``python -m lab.prove footprint``.
"""

import argparse
import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from lab.docs import generate
from lab.prove.proof import Outcome, Proof, markdown

DOCS = Path(__file__).parents[2] / "docs"
# In the order of the page; those that need the machine to themselves come first.
NAMES = (
    "footprint",
    "flat",
    "scale",
    "shared",
    "loadtester",
    "starts",
    "fresh",
    "conformance",
    "tasks",
    "sessions",
    "swarm",
    "jobs",
    "attackers",
    "survival",
    "kills",
    "foreign",
    "rounds",
    "fuzz",
)


def main() -> int:
    """Runs the proofs asked for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.prove", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"some of: {', '.join(NAMES)}")
    parser.add_argument("--short", action="store_true", help="CI's form: fewer, and no writing")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no proof {min(unknown)!r}; there are {', '.join(NAMES)}")
    results: dict[str, list[Outcome]] = {}
    for name in options.names or NAMES:
        proof: Proof = importlib.import_module(f"lab.prove.{name}").PROOF
        print(f"{proof.name} …", flush=True)
        began = time.monotonic()
        results[name] = proof.run(options.short)
        for outcome in results[name]:
            figures = " · ".join(f"{k}: {v}" for k, v in outcome.figures.items())
            print(f"  {'✓' if outcome.holds else '✗'} {outcome.claim}  [{figures}]", flush=True)
            if not outcome.holds:
                print(outcome.transcript)
        print(f"  ({time.monotonic() - began:.0f} s)", flush=True)
    if not options.short:
        _write(results)
    return 0 if all(outcome.holds for found in results.values() for outcome in found) else 1


def _write(results: dict[str, list[Outcome]]) -> None:
    """Puts the sections just proved into the page; the others stay as they were."""
    store = DOCS / "proofs.json"
    sections: dict[str, Any] = json.loads(store.read_text()) if store.exists() else {}
    numbers = sections.setdefault("numbers", {})
    stamp = f"_{time.strftime('%Y-%m-%d')}, {_machine()}._"
    for name, outcomes in results.items():
        title = importlib.import_module(f"lab.prove.{name}").PROOF.name
        sections[name] = markdown(title, outcomes).replace("\n\n", f"\n\n{stamp}\n\n", 1)
        if measured := {k: v for outcome in outcomes for k, v in outcome.numbers.items()}:
            numbers[name] = {"measured on": stamp.strip("_."), **measured}
    store.write_text(json.dumps(sections, indent=1, ensure_ascii=False) + "\n")
    page = ["# Proofs", "", "Written by `make prove`; every figure was measured by it.", ""]
    page += [sections[name] for name in NAMES if name in sections]
    (DOCS / "proofs.md").write_text("\n".join(page).rstrip() + "\n")
    for quoting, parts in generate.STATIC.items():  # pages that quote these figures
        (generate.ROOT / quoting).write_text(generate.rendered(quoting, parts))


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"Python {platform.python_version()}"
    )


if __name__ == "__main__":
    sys.exit(main())
