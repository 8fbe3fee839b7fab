"""What the comparison says: a document, a table, and whether its claims hold."""

import os
import platform
import statistics
import time
from typing import Any

from lab.bench.measure import Comparison

NAMES = {
    "ours": "mcp-swarm",
    "fastmcp": "FastMCP",
    "mcpserver": "SDK MCPServer",
    "typescript": "TypeScript SDK",
    "starlette": "bare Starlette",
}
# Row → the largest share of plain FastMCP's CPU that it may take.
SHARES = {"call, small": 1 / 4, "call, small, auth on": 1 / 3, "tools/list, 100 tools": 1 / 10}
# A session that a server has never seen, by one that it has served: it keeps nothing of either.
COLD, WARM, AT_MOST = "session call, cold (legacy)", "session call, warm (legacy)", 1.25


def document(seen: Comparison, rounds: int, seconds: float) -> dict[str, Any]:
    """Everything, as JSON."""
    return {
        "when": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}",
        "rounds": rounds,
        "seconds": seconds,
        "rows": {
            row: {
                name: {**found.median(), "of_fastmcp": _rounded(seen.ratio(row, name, "fastmcp"))}
                for name, found in by_name.items()
            }
            for row, by_name in seen.rows.items()
        },
        "ready_after_s": {n: round(statistics.median(v), 2) for n, v in seen.starts.items()},
        "memory_mb": {name: round(value) for name, value in seen.memory.items()},
        "cannot_run": seen.unable,
        "refused": {row: by_name for row, by_name in seen.refused.items() if by_name},
        "claims": [{"claim": claim, "holds": holds} for claim, holds in claims(seen)],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def claims(seen: Comparison) -> list[tuple[str, bool]]:
    """Each claim with what was found, and whether it holds."""
    found = []
    for row in seen.rows:
        share = SHARES.get(row.rpartition(" (")[0])
        ratio = seen.ratio(row, "ours", "fastmcp")
        if ratio is not None:
            limit = share or 1.0
            found.append(
                (f"{row}: {ratio:.3f} of plain FastMCP's CPU, at most {limit:.3f}", ratio <= limit)
            )
        ratio = seen.ratio(row, "ours", "typescript")
        if ratio is not None:
            found.append((f"{row}: {ratio:.3f} of the TypeScript SDK's CPU, below 1", ratio < 1))
    if "ours" in seen.rows.get(COLD, {}) and "ours" in seen.rows.get(WARM, {}):
        pairs = zip(seen.rows[COLD]["ours"].cpu, seen.rows[WARM]["ours"].cpu, strict=True)
        ratio = statistics.median(cold / warm for cold, warm in pairs)
        claim = f"{COLD}: {ratio:.3f} of a warm one's CPU, at most {AT_MOST}"
        found.append((claim, ratio <= AT_MOST))
    return found


def table(found: dict[str, Any]) -> str:
    """The document as Markdown: CPU a request, then the rest."""
    there = [name for name in NAMES if any(name in row for row in found["rows"].values())]
    header = ["| request | " + " | ".join(NAMES[name] for name in there) + " |"]
    header.append("|---|" + "--:|" * len(there))
    lines = [
        f"_{found['when']}, {found['machine']}: {found['rounds']} rounds in turns, medians._",
        "",
        "CPU µs a request of the server's process; in brackets its share of plain FastMCP's:",
        "",
        *header,
    ]
    refused = found.get("refused", {})
    for row, by_name in found["rows"].items():
        cells = [_cell(by_name.get(name), refused.get(row, {}).get(name)) for name in there]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Requests a second · latency p50 / p99 ms, eight connections:",
        "",
        *header,
    ]
    for row, by_name in found["rows"].items():
        lines.append(f"| {row} | " + " | ".join(_pace(by_name.get(name)) for name in there) + " |")
    lines += [
        "",
        "| | " + " | ".join(NAMES[n] for n in there) + " |",
        "|---|" + "--:|" * len(there),
    ]
    for label, key, unit in (("ready after", "ready_after_s", "s"), ("memory", "memory_mb", "MB")):
        cells = [f"{found[key][n]} {unit}" if n in found[key] else "-" for n in there]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    lines += [""] + [
        f"{NAMES[n]} could not be run: {why}" for n, why in found["cannot_run"].items()
    ]
    return "\n".join(lines).rstrip()


def _cell(found: dict[str, Any] | None, refused: int | None) -> str:
    if found is None:
        return str(refused or "-")
    share = f" ({found['of_fastmcp']:.2f})" if found["of_fastmcp"] is not None else ""
    return f"{found['cpu']:,.0f}{share}"


def _pace(found: dict[str, Any] | None) -> str:
    return (
        "-" if found is None else f"{found['rate']:,.0f} · {found['p50']:.1f} / {found['p99']:.1f}"
    )
