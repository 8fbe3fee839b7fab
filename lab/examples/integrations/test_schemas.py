"""Documents checked against a schema: every error with its place, and no check without end."""

import asyncio

import pytest

integrations = pytest.importorskip("server.examples.tools.integrations")

from fastmcp.exceptions import ToolError

from lab import services

pytestmark = pytest.mark.processes


@pytest.fixture(autouse=True)
def time_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit holds for the check with the start of its worker."""
    monkeypatch.setattr(integrations, "SECONDS", 40)


async def test_every_error_is_told_with_its_place():
    """All violations, not the first; places are JSON Pointers."""
    schema = {
        "type": "object",
        "required": ["id"],
        "properties": {
            "a/b": {"items": {"type": "integer", "minimum": 0}},
            "day": {"format": "date"},
        },
    }

    report = await integrations.validate_schema({"a/b": [1, "x", -1], "day": "soon"}, schema)

    places = sorted((error.pointer, error.keyword) for error in report.errors)
    assert places == [
        ("", "required"),
        ("/a~1b/1", "type"),
        ("/a~1b/2", "minimum"),
        ("/day", "format"),
    ]
    assert (report.valid, report.draft, report.truncated) == (False, "2020-12", False)


async def test_a_valid_document_is_valid_and_the_draft_is_the_schemas_own():
    """$schema picks the draft; without it 2020-12 holds."""
    draft7 = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "array"}

    report = await integrations.validate_schema([], draft7)

    assert (report.valid, report.draft, report.errors) == (True, "7", [])


async def test_errors_are_bounded():
    """No more than asked for, and the report says there are more."""
    report = await integrations.validate_schema(["x"] * 100, {"items": {"type": "null"}}, 3)

    assert (len(report.errors), report.truncated) == (3, True)


async def test_a_reference_is_never_fetched():
    """A $ref to a service is unresolvable, and nobody was asked; published ones are known."""
    with services.running() as service:
        with pytest.raises(ToolError, match=r"\$ref .*points to nothing inside"):
            await integrations.validate_schema(1, {"$ref": f"{service.url}/json"})
        asked = list(service.asked)

    meta = {"$ref": "https://json-schema.org/draft/2020-12/schema"}
    assert asked == []
    assert (await integrations.validate_schema({"type": "object"}, meta)).valid
    assert not (await integrations.validate_schema({"type": "objekt"}, meta)).valid


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "objekt"}, "at '/type'"),
        ({"pattern": "("}, "at '/pattern'"),
        ({"$ref": "#/x"}, "its \\$ref"),
    ],
)
async def test_a_schema_that_is_none_is_told(schema, message):
    """The error says where in the schema."""
    with pytest.raises(ToolError, match=message):
        await integrations.validate_schema("x", schema)


def doubling(levels: int) -> dict:
    """A schema of a few lines that takes two to the power of `levels` steps."""
    inner = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/d0", "$defs": {**inner, f"d{levels}": {"type": "string"}}}


@pytest.mark.parametrize(
    ("document", "schema"),
    [("a" * 40 + "!", {"pattern": "^(a+)+$"}), ("x", doubling(40))],
    ids=["regular expression", "references"],
)
async def test_a_schema_that_would_run_for_years_is_stopped(monkeypatch, document, schema):
    """The loop stays free meanwhile, the worker is gone, and the next check works."""
    await integrations.validate_schema(1, {})  # a worker is there, so that the limit is its own
    monkeypatch.setattr(integrations, "SECONDS", 0.7)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    with pytest.raises(ToolError, match=r"stopped after 0.7 s"):
        await integrations.validate_schema(document, schema)
    ticking.cancel()
    assert ticks > 10

    monkeypatch.setattr(integrations, "SECONDS", 20)
    assert (await integrations.validate_schema(1, {"type": "integer"})).valid


async def test_a_document_nested_too_deeply_is_told():
    """Deep recursion is an error, not a crash."""
    document: object = 1
    for _ in range(700):
        document = [document]

    with pytest.raises(ToolError, match="nested too deeply"):
        await integrations.validate_schema(document, {"items": {"$ref": "#"}})


async def test_schemas_are_checked_through_the_protocol(server):
    """Any JSON is a document; the report has an output schema."""
    async with server() as client:
        result = await client.call_tool(
            "validate_schema", {"document": [1, "x"], "schema": {"items": {"type": "integer"}}}
        )

    assert result.structured_content["errors"][0]["pointer"] == "/1"
