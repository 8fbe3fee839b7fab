"""Serves requests in this process with OpenTelemetry's SDK; prints the spans of each as JSON.

python -m lab.fast_path.traced true      # or false: without the fast path
"""

import asyncio
import json
import logging
import os
import sys
from typing import Any

import httpx2
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from lab.mcp_wire import ERAS, request, with_headers
from lab.replica import SAMPLE
from mcp_swarm import build, config, serve
from mcp_swarm.telemetry import access_log

TRACE, PARENT, OTHER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "tool": ("tools/call", {"name": "echo", "arguments": {"text": "x"}}),
    "failing tool": ("tools/call", {"name": "fail", "arguments": {}}),
    "wrong arguments": ("tools/call", {"name": "add", "arguments": {"a": "x", "b": 1}}),
    "unknown tool": ("tools/call", {"name": "no_such", "arguments": {}}),
    "resource": ("resources/read", {"uri": "sample://greeting"}),
    "unknown resource": ("resources/read", {"uri": "no://such"}),
    "prompt": ("prompts/get", {"name": "greet", "arguments": {"name": "x"}}),
    "tools": ("tools/list", {}),
    "tools, once more": ("tools/list", {}),
    "templates": ("resources/templates/list", {}),
}
PARENTS = ("none", "header", "_meta")


def asked(era: Any, method: str, params: dict[str, Any], parent: str) -> dict[str, Any]:
    """The request, with the caller's span where `parent` says."""
    made = request(method, era, **params)
    if parent == "header":
        return with_headers(made, traceparent=f"00-{TRACE}-{PARENT}-01")
    if parent == "_meta":
        meta = made["json"].setdefault("params", {}).setdefault("_meta", {})
        meta["traceparent"] = f"00-{TRACE}-{OTHER}-01"
    return made


def shown(span: Any) -> dict[str, Any]:
    """What is the same each time."""
    made = json.loads(span.to_json())
    if "mcp.session.id" in made["attributes"]:
        made["attributes"]["mcp.session.id"] = "another each time: there are no sessions"
    return {
        "name": made["name"],
        "kind": made["kind"],
        "parent": made["parent_id"],
        "status": made["status"],
        "attributes": made["attributes"],
        "events": [event["attributes"]["exception.type"] for event in made["events"]],
    }


async def main(fast: str) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    records: list[Any] = []
    access_log.logger.setLevel(logging.INFO)
    access_log._log = lambda _level, _scope, record: records.append(record)
    os.environ |= {"MCP_FAST_PATH": fast, "MCP_REPLICA": "traced", "MCP_NAME": "traced"}
    settings = config.load()
    service = serve.build_app(settings, build.build_mcp(settings, SAMPLE))
    seen: dict[str, Any] = {}
    debug = logging.getLogger("mcp_swarm.fast_path")
    debug.setLevel(logging.DEBUG)
    taken: list[Any] = []
    debug.addFilter(lambda record: taken.append(record) or False)
    transport = httpx2.ASGITransport(service)
    async with (
        service.http.router.lifespan_context(service.http),
        httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http,
    ):
        for era in ERAS:
            for what, (method, params) in REQUESTS.items():
                for parent in PARENTS:
                    exporter.clear()
                    await http.post("/mcp", **asked(era, method, params, parent))
                    spans = exporter.get_finished_spans()
                    ids = {trace.format_trace_id(span.context.trace_id) for span in spans}
                    seen[f"{era}, {what}, {parent}"] = {
                        "spans": [shown(span) for span in spans],
                        "noted": {records[-1].trace_id} == ids,
                        "outcome": records[-1].outcome,
                    }
    print(json.dumps({"taken": len(taken), "seen": seen}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
