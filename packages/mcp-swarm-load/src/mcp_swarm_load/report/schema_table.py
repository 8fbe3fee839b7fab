"""Renders the JSON schema of a run's document as a Markdown table, for the docs."""

from __future__ import annotations

from mcp_swarm_load.report.schema import Field, schema


def markdown() -> str:
    """Returns the schema as a table of path, type and meaning."""
    rows = ["| field | type | meaning |", "|---|---|---|"]
    rows += [f"| `{path}` | {kind} | {meaning} |" for path, kind, meaning in _rows(schema(), "")]
    return "\n".join(rows)


def _rows(field: Field, path: str) -> list[tuple[str, str, str]]:
    rows = []
    for name, each in field["properties"].items():
        here = f"{path}{name}"
        inner = each.get("items", each)
        kinds = each["type"] if isinstance(each["type"], list) else [each["type"]]
        rows.append((here, " or ".join(kinds), each["description"]))
        if set(inner.get("properties", {})) >= {"n", "p50", "p99"}:
            continue  # the page describes the fields of latencies once
        if "properties" in inner:
            rows += _rows(inner, f"{here}[]." if inner is not each else f"{here}.")
    return rows
