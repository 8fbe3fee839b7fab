"""The `--json` document matches its schema, in runs of every kind."""

import json

import jsonschema
import pytest

from mcp_swarm_load.report.schema import schema
from mcp_swarm_load.testing.runs import finished, load, names
from mcp_swarm_load.testing.target import Target


def reported(run: dict) -> list[str]:
    """Returns the schema errors of a document after a round trip through JSON."""
    validator = jsonschema.Draft202012Validator(schema())
    return [
        f"{e.json_path}: {e.message}" for e in validator.iter_errors(json.loads(json.dumps(run)))
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"calls": 60},
        {"calls": 300, "rate": 300.0, "arrivals": "poisson", "replicas": 4, "tool": "add"},
        {"calls": None, "seconds": 0.3, "replica_names": ("x", "y"), "replicas": 2},
        {"calls": 40, "era": "legacy", "sessions": 4},
        {"calls": 40, "era": "both", "warmup_calls": 5, "keep_alive": False},
    ],
)
async def test_a_real_run_validates(options):
    async with Target(
        replica=lambda n: names(3)[n % 3], fault=lambda n: "503" if n % 20 == 4 else ""
    ).serving() as target:
        assert reported(await load(target, **options)) == []


async def test_a_run_without_a_right_answer_validates():
    async with Target(fault=lambda n: "cut").serving() as target:
        run = await load(target, calls=5)

    assert (run["totals"]["right"], reported(run)) == (0, [])


async def test_an_unknown_field_and_a_missing_field_are_found():
    """This is the control. Without it, an empty schema would pass."""
    async with Target().serving() as target:
        run = await load(target, calls=5)
    run["new"] = 1
    del run["totals"]["made"]

    assert len(reported(run)) == 2


@pytest.mark.processes
async def test_the_schema_is_printed():
    code, out, _ = await finished("schema")

    assert (code, json.loads(out)) == (0, schema())
    jsonschema.Draft202012Validator.check_schema(schema())
