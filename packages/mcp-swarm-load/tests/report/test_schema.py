"""What `--json` writes is what its schema says, in runs of every sort."""

import json

import jsonschema
import pytest

from mcp_swarm_load.report.schema import schema
from mcp_swarm_load.testing.runs import finished, load, names
from mcp_swarm_load.testing.target import Target


def told(run: dict) -> list[str]:
    """What the schema finds wrong with a document, as it is read back from JSON."""
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
        assert told(await load(target, **options)) == []


async def test_a_run_in_which_nothing_was_right_validates():
    async with Target(fault=lambda n: "cut").serving() as target:
        run = await load(target, calls=5)

    assert (run["totals"]["right"], told(run)) == (0, [])


async def test_a_field_that_is_not_in_the_schema_is_found_and_a_missing_one_too():
    """The control: without it an empty schema would do."""
    async with Target().serving() as target:
        run = await load(target, calls=5)
    run["new"] = 1
    del run["totals"]["made"]

    assert len(told(run)) == 2


async def test_the_schema_is_printed():
    code, out, _ = await finished("schema")

    assert (code, json.loads(out)) == (0, schema())
    jsonschema.Draft202012Validator.check_schema(schema())
