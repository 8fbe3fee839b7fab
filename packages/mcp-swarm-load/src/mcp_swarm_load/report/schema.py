"""The JSON schema of a run's document: `python -m mcp_swarm_load schema` prints it, the docs are made of it.

Every field is named here with its meaning, and no other may appear: what `--json` writes is checked
against this by the tests. A field keeps its name and its meaning for as long as `schema` is the
same; new fields may come.
"""

from __future__ import annotations

from typing import Any

from mcp_swarm_load.measure.identity import SCHEMA
from mcp_swarm_load.measure.stats import QUANTILES

Field = dict[str, Any]


def _of(kind: str, description: str, *, null: bool = False, **more: Any) -> Field:
    return {"type": [kind, "null"] if null else kind, "description": description, **more}


def _text(description: str, **more: Any) -> Field:
    return _of("string", description, **more)


def _count(description: str, *, null: bool = False) -> Field:
    return _of("integer", description, null=null, minimum=0)


def _number(description: str, *, null: bool = False) -> Field:
    return _of("number", description, null=null)


def _flag(description: str) -> Field:
    return _of("boolean", description)


def _object(description: str, **fields: Field) -> Field:
    return {
        "type": "object",
        "description": description,
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def _list(description: str, items: Field) -> Field:
    return {"type": "array", "description": description, "items": items}


def _latency(description: str) -> Field:
    tail = {
        name: _number(
            f"percentile; null where fewer than ten calls lie beyond it ({name})", null=True
        )
        for name in QUANTILES
    }
    return _object(
        description,
        n=_count("right answers it is of"),
        min=_number("least"),
        avg=_number("mean"),
        **tail,
        max=_number("greatest"),
    )


def _waits(description: str) -> Field:
    return _object(
        description,
        n=_count("samples"),
        p50=_number("median"),
        p99=_number("99th percentile, whatever the sample"),
        max=_number("greatest"),
    )


_COUNT = {"type": "integer", "minimum": 1}
_REPLICAS = {"type": "object", "additionalProperties": {"type": "integer"}}

_TARGET = _object(
    "What was called.",
    url=_text("without credentials"),
    protocol=_text("protocol version, or both"),
    call=_text("method and name, or the mix"),
)
_LOAD = _object(
    "How it was called.",
    loop=_text("closed (callers wait) or open (by the clock)", enum=["closed", "open"]),
    workers=_count("closed loop: callers at one time", null=True),
    rate=_number("open loop: calls due per second", null=True),
    arrivals=_text("open loop: constant, poisson, ...", null=True),
    burst=_of("array", "calls that come at one time, from and to", null=True, items=_COUNT),
    calls=_count("calls asked for", null=True),
    seconds=_number("duration asked for", null=True),
    ramp_s=_number("seconds in which the load grew", null=True),
    warmup_calls=_count("calls made first and not counted"),
    warmup_s=_number("seconds of calls made first and not counted"),
    think_s=_number("closed loop: seconds between a caller's calls", null=True),
    calls_per_session=_count("calls in each session of 2025-11-25; 0 is without sessions"),
    tenants=_count("tokens that callers take in turn"),
    processes=_count("processes of the tester"),
    keep_alive=_flag("whether connections carry several calls"),
    timeout_s=_number("seconds after which a call has failed"),
    seed=_of("integer", "seed of arrivals, mix and arguments"),
)
_VERDICT = _object(
    "Whether the run kept to what it was held to.",
    result=_text("pass, fail, or invalid", enum=["pass", "fail", "invalid"]),
    passed=_flag("result is pass; the exit code is then 0"),
    client_was_bottleneck=_list("why the run is no result of its target", _text("a reason")),
    checks=_list(
        "thresholds and default checks, in order",
        _object(
            "One check.",
            name=_text("what was checked"),
            wanted=_text("bound"),
            seen=_text("what was found"),
            passed=_flag("whether it was kept"),
        ),
    ),
)
_TOTALS = _object(
    "Counts of calls, warm-up apart.",
    planned=_count("calls planned, where the plan says", null=True),
    made=_count("calls begun"),
    right=_count("answers that were right in all"),
    failed=_count("calls that failed, or were answered wrongly"),
    dropped=_count("calls due but not made, as too many waited for an answer"),
    unfinished=_count("calls waiting when the run was interrupted"),
    answered=_count("calls with an HTTP answer, right or wrong"),
    warmup=_count("calls not counted otherwise"),
    extra=_count("further requests that calls needed: handshakes, input rounds, polls"),
    success_percent=_number("right of all that ended; cut off, never rounded up"),
    made_per_second=_number("until the last was sent"),
    right_per_second=_number("until the last answer, drain included"),
    drain_s=_number("seconds from the last call sent to the end"),
)
_SPREAD = _object(
    "Whether the load was even over the replicas.",
    unit=_text("what the balancer balances", enum=["request", "connection", "session"]),
    verdict=_text("verdict", enum=["even", "uneven", "too few to tell", "one replica"]),
    n=_count("units counted"),
    replicas=_count("replicas, silent ones too"),
    chi_square=_number("Pearson's statistic"),
    degrees=_count("its degrees of freedom"),
    p_value=_number("chance of such a statistic were the spread even"),
    variation_percent=_number("coefficient of variation"),
    chance_variation_percent=_number("what it would be by chance alone"),
    busiest_over_mean=_number("busiest replica over its fair share"),
    power_10_percent_short=_number("chance of noticing one replica 10 % short"),
    power_50_percent_short=_number("chance of noticing one at half the others' load"),
    needed=_count("units needed for the latter; 0 where there are enough"),
    least=_text("the replica furthest below its share", null=True),
    shortfall_percent=_number("what it got less than the others"),
    shortfall_error_percent=_number("half of the 95 % confidence interval of that"),
    silent=_list("replicas expected and not seen", _text("name")),
    came_or_went=_list("replicas not there all the time", _text("name")),
)
_FLOW = _object(
    "Sessions, streams, input rounds and tasks; all 0 in a run of plain calls.",
    sessions_opened=_count("sessions of 2025-11-25 opened"),
    sessions_without_id=_count("of those, without an Mcp-Session-Id"),
    sessions_refused=_count("handshakes that failed"),
    sessions_closed=_count("closed by DELETE"),
    sessions_unclosed=_count("DELETE refused or failed"),
    sessions_lost=_count("answered 404 after they had been given out"),
    sessions_reopened=_count("opened in the place of a lost one"),
    sessions_wrong=_count("answers that named another session"),
    session_opening_ms=_latency("initialize to initialized"),
    streams=_count("answers that were event streams"),
    stream_first_event_ms=_latency("sent to the first byte of the body"),
    stream_last_byte_ms=_latency("sent to the last byte"),
    progress=_count("progress notifications"),
    rounds=_count("input rounds answered"),
    tasks_started=_count("long tasks begun"),
    tasks_completed=_count("long tasks that ended well"),
    task_polls=_count("polls of them"),
)
_CLIENT = _object(
    "The tester itself.",
    connections=_count("connections opened"),
    reused_percent=_number("calls on a connection that was open already"),
    cpu_percent=_number("of one core, by its busiest process"),
    lag_ms=_waits("how long its event loop kept an event waiting, one sample each 10 ms"),
    lateness_ms=_waits("open loop: how late it made calls"),
)


_TALLY = {
    "calls": _count("calls"),
    "failed": _count("failed ones"),
    "latency_ms": _latency("since due"),
}
_FIELDS = {
    "schema": _text("name and version of this schema", const=SCHEMA),
    "started": _text("UTC, ISO 8601"),
    "seconds": _number("from the first call due to the last answer"),
    "interrupted": _flag("whether it was ended early"),
    "target": _TARGET,
    "load": _LOAD,
    "verdict": _VERDICT,
    "totals": _TOTALS,
    "latency_ms": _object(
        "Latency of right answers.",
        since_due=_latency("from the moment a call should have been sent"),
        since_sent=_latency("from the moment it was sent"),
        to_first_byte=_latency("from sent to the answer's first byte"),
    ),
    "histogram": _list(
        "latency since due, four steps to a power of two, empty ones too",
        _object(
            "One step.",
            from_ms=_number("from, inclusive"),
            to_ms=_number("to, exclusive"),
            count=_count("right answers"),
        ),
    ),
    "replicas": _list(
        "by X-Served-By",
        _object(
            "One replica.",
            name=_text("its name; in parentheses where there was none"),
            calls=_count("answers, extra requests included"),
            share_percent=_number("of all answers"),
            failed=_count("wrong ones"),
            latency_ms=_latency("since sent"),
            first_s=_number("first answer, seconds after the start"),
            last_s=_number("last answer"),
        ),
    ),
    "spread": _SPREAD,
    "flow": _FLOW,
    "kinds": _list(
        "per era and kind of call",
        _object("One kind.", era=_text("era"), label=_text("method and name"), **_TALLY),
    ),
    "tenants": _list(
        "per tenant of the token file", _object("One tenant.", name=_text("whose"), **_TALLY)
    ),
    "errors": _list(
        "failures that read alike but for their numbers, most frequent first",
        _object(
            "One kind.",
            text=_text("the first one's text"),
            count=_count("how many"),
            first_s=_number("first, seconds after the start"),
            last_s=_number("last"),
            replicas={**_REPLICAS, "description": "how many from each replica"},
        ),
    ),
    "timeline": _list(
        "by the second in which calls ended",
        _object(
            "One second.",
            second=_count("seconds after the start"),
            right=_count("right answers"),
            failed=_count("failed calls"),
            avg_ms=_number("mean latency since due", null=True),
            p95_ms=_number("percentile, from 200 answers on", null=True),
            max_ms=_number("greatest", null=True),
        ),
    ),
    "client": _CLIENT,
    "recorded": _text("file of every call", null=True),
    "repeat": _text("the command, without secrets"),
}


def schema() -> dict[str, Any]:
    """The whole schema, as JSON Schema 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A load test's result",
        **_object("What --json writes.", **_FIELDS),
    }


def markdown() -> str:
    """The schema as a table: path, type, meaning."""
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
            continue  # latencies are alike: the page says once what is in them
        if "properties" in inner:
            rows += _rows(inner, f"{here}[]." if inner is not each else f"{here}.")
    return rows
