"""The JSON schema of a run's document. The `schema` command prints it, and the docs are made of it.

It names every field and its meaning and allows no other. The tests check what `--json` writes
against it. A field keeps its name and meaning as long as `schema` is the same. New fields may be
added.
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
        name: _number(f"percentile; null if fewer than ten calls lie above it ({name})", null=True)
        for name in QUANTILES
    }
    return _object(
        description,
        n=_count("right answers"),
        min=_number("minimum"),
        avg=_number("mean"),
        **tail,
        max=_number("maximum"),
    )


def _waits(description: str) -> Field:
    return _object(
        description,
        n=_count("samples"),
        p50=_number("median"),
        p99=_number("99th percentile, for any sample size"),
        max=_number("maximum"),
    )


_COUNT = {"type": "integer", "minimum": 1}
_REPLICAS = {"type": "object", "additionalProperties": {"type": "integer"}}

_TARGET = _object(
    "What was called.",
    url=_text("without credentials"),
    protocol=_text("protocol version, or both versions"),
    call=_text("method and name, or the kinds of the mix"),
)
_LOAD = _object(
    "How it was called.",
    loop=_text(
        "closed (callers wait for answers) or open (calls by the clock)", enum=["closed", "open"]
    ),
    workers=_count("closed loop: concurrent callers", null=True),
    rate=_number("open loop: calls due per second", null=True),
    arrivals=_text("open loop: constant, poisson, ...", null=True),
    burst=_of(
        "array",
        "open loop: smallest and largest number of calls in a burst",
        null=True,
        items=_COUNT,
    ),
    calls=_count("requested number of calls", null=True),
    seconds=_number("requested duration", null=True),
    ramp_s=_number("seconds in which the load grows", null=True),
    warmup_calls=_count("calls of the warm-up, which are not counted"),
    warmup_s=_number("seconds of the warm-up, whose calls are not counted"),
    think_s=_number("closed loop: seconds between a caller's calls", null=True),
    calls_per_session=_count("calls in each session of 2025-11-25; 0 means no sessions"),
    tenants=_count("tokens that callers take in turn"),
    processes=_count("processes of the tester"),
    keep_alive=_flag("whether connections carry several calls"),
    timeout_s=_number("seconds after which a call fails"),
    seed=_of("integer", "seed of arrivals, mix and arguments"),
)
_VERDICT = _object(
    "Whether the run met its criteria.",
    result=_text("pass, fail, or invalid", enum=["pass", "fail", "invalid"]),
    passed=_flag("result is pass; the exit code is then 0"),
    client_was_bottleneck=_list("why the run did not measure its target", _text("a reason")),
    checks=_list(
        "thresholds and default checks, in order",
        _object(
            "One check.",
            name=_text("what was checked"),
            wanted=_text("what was expected"),
            seen=_text("what was measured"),
            passed=_flag("whether the check passed"),
        ),
    ),
)
_TOTALS = _object(
    "Counts of calls, without the warm-up.",
    planned=_count("planned calls; null if the plan does not limit them", null=True),
    made=_count("calls sent"),
    right=_count("right answers"),
    failed=_count("calls without an answer or with a wrong one"),
    dropped=_count("calls due but not sent, because too many were in flight"),
    unfinished=_count("calls in flight when the run was interrupted"),
    answered=_count("calls with an HTTP answer, right or wrong"),
    warmup=_count("calls of the warm-up"),
    extra=_count("further requests of calls: handshakes, input rounds, polls"),
    success_percent=_number("right answers of all ended calls, rounded down"),
    made_per_second=_number("rate of sent calls until the last one was sent"),
    right_per_second=_number("rate of right answers until the last answer, drain included"),
    drain_s=_number("seconds from the last sent call to the end"),
)
_SPREAD = _object(
    "Whether the load was spread evenly over the replicas.",
    unit=_text("what the balancer balances", enum=["request", "connection", "session"]),
    verdict=_text("verdict", enum=["even", "uneven", "too few to tell", "one replica"]),
    n=_count("units counted"),
    replicas=_count("replicas, silent ones included"),
    chi_square=_number("Pearson's statistic"),
    degrees=_count("its degrees of freedom"),
    p_value=_number("probability of such a statistic with an even spread"),
    variation_percent=_number("coefficient of variation"),
    chance_variation_percent=_number("coefficient of variation by chance alone"),
    busiest_over_mean=_number("busiest replica over its fair share"),
    power_10_percent_short=_number("probability of detecting one replica that gets 10 % less"),
    power_50_percent_short=_number("probability of detecting one at half of the others' load"),
    needed=_count("units needed for the latter; 0 if there are enough"),
    least=_text("the replica furthest below its share", null=True),
    shortfall_percent=_number("how much less of its share it got than the others"),
    shortfall_error_percent=_number("half-width of the 95 % confidence interval of that"),
    silent=_list("expected replicas that did not answer", _text("name")),
    came_or_went=_list("replicas that started or stopped during the run", _text("name")),
)
_FLOW = _object(
    "Sessions, streams, input rounds and tasks; all 0 in a run of plain calls.",
    sessions_opened=_count("sessions of 2025-11-25 opened"),
    sessions_without_id=_count("opened sessions without an Mcp-Session-Id"),
    sessions_refused=_count("failed handshakes"),
    sessions_closed=_count("sessions closed by DELETE"),
    sessions_unclosed=_count("sessions whose DELETE was rejected or failed"),
    sessions_lost=_count("opened sessions that the server answered with 404"),
    sessions_reopened=_count("sessions opened to replace a lost one"),
    sessions_wrong=_count("answers that named another session"),
    session_opening_ms=_latency("from initialize to the answer of notifications/initialized"),
    streams=_count("answers that were event streams"),
    stream_first_event_ms=_latency("from sent to the first byte of the body"),
    stream_last_byte_ms=_latency("from sent to the last byte"),
    progress=_count("progress notifications"),
    rounds=_count("input rounds answered"),
    tasks_started=_count("long tasks started"),
    tasks_completed=_count("long tasks completed"),
    task_polls=_count("polls of long tasks"),
)
_CLIENT = _object(
    "The tester itself.",
    connections=_count("connections opened"),
    reused_percent=_number("calls on an already open connection"),
    cpu_percent=_number("CPU use of its busiest process, of one core"),
    lag_ms=_waits("delay of events in its event loop, one sample every 10 ms"),
    lateness_ms=_waits("open loop: how late calls were made"),
)


_TALLY = {
    "calls": _count("calls"),
    "failed": _count("failed calls"),
    "latency_ms": _latency("since due"),
}
_FIELDS = {
    "schema": _text("name and version of this schema", const=SCHEMA),
    "started": _text("UTC, ISO 8601"),
    "seconds": _number("from the first call due to the last answer"),
    "interrupted": _flag("whether the run ended early"),
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
        "latency since due, four steps per power of two, empty steps included",
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
            name=_text("its name; in parentheses if answers had none"),
            calls=_count("answers, further requests included"),
            share_percent=_number("of all answers"),
            failed=_count("wrong answers"),
            latency_ms=_latency("since sent"),
            first_s=_number("first answer, in seconds after the start"),
            last_s=_number("last answer, in seconds after the start"),
        ),
    ),
    "spread": _SPREAD,
    "flow": _FLOW,
    "kinds": _list(
        "per era and kind of call",
        _object("One kind.", era=_text("era"), label=_text("method and name"), **_TALLY),
    ),
    "tenants": _list(
        "per tenant of the token file",
        _object("One tenant.", name=_text("the tenant's name"), **_TALLY),
    ),
    "errors": _list(
        "failures whose texts differ in numbers only, most frequent first",
        _object(
            "One kind.",
            text=_text("text of the first one"),
            count=_count("how many"),
            first_s=_number("first one, in seconds after the start"),
            last_s=_number("last one, in seconds after the start"),
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
            p95_ms=_number("95th percentile, from 200 answers on", null=True),
            max_ms=_number("maximum", null=True),
        ),
    ),
    "client": _CLIENT,
    "recorded": _text("file with every call", null=True),
    "repeat": _text("command that repeats the run, without secrets"),
}


def schema() -> dict[str, Any]:
    """Returns the schema as JSON Schema 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A load test's result",
        **_object("What --json writes.", **_FIELDS),
    }
