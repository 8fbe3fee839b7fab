"""Data from one format to another: nothing is lost, guessed, or run."""

import json
import resource
import sys
import time

import pytest

integrations = pytest.importorskip("server.examples.tools.integrations")

from fastmcp.exceptions import ToolError

pytestmark = pytest.mark.processes

RECORDS = [{"id": 1, "name": "Ä", "at": {"city": "X"}}, {"id": 2, "name": "b", "at": {"city": "Y"}}]


async def convert(data, source, target, **options):
    return await integrations.transform_data(data, source, target, **options)


@pytest.mark.parametrize("middle", ["json", "jsonl", "yaml"])
async def test_records_survive_a_round_trip(middle):
    """Through each format and back, nothing is lost or changed."""
    there = await convert(json.dumps(RECORDS), "json", middle)
    back = await convert(there.data, middle, "json")

    assert json.loads(back.data) == RECORDS
    assert there.records == 2


async def test_select_looks_inside_and_rename_follows():
    """CSV comes out in the order asked for, under the new names."""
    found = await convert(
        json.dumps(RECORDS),
        "json",
        "csv",
        select=["at.city", "id"],
        rename={"at.city": "city"},
    )

    assert found.data == "city,id\nX,1\nY,2\n"


async def test_csv_values_are_text():
    """What a spreadsheet wrote is not guessed at: 007 stays 007."""
    found = await convert('id,name\n007,"a\nb"\n', "csv", "json")

    assert json.loads(found.data) == [{"id": "007", "name": "a\nb"}]


async def test_a_formula_does_not_reach_a_spreadsheet():
    """Text that would run is marked; numbers, negative ones too, stay as they are."""
    data = json.dumps([{"a": "=1+1", "b": "@x", "c": "-5", "d": -5, "e": "+4", "f": "-x", "=g": 1}])

    marked = await convert(data, "json", "csv")
    plain = await convert(data, "json", "csv", escape_formulas=False)

    assert marked.data == "a,b,c,d,e,f,'=g\n'=1+1,'@x,-5,-5,+4,'-x,1\n"
    assert plain.data == "a,b,c,d,e,f,=g\n=1+1,@x,-5,-5,+4,-x,1\n"


async def test_toml_and_dates_become_plain_values():
    """Dates are ISO 8601 text, in TOML and in YAML."""
    toml = await convert("day = 2026-01-02\n[a]\nb = [1, 2]\n", "toml", "json")
    yaml = await convert("day: 2026-01-02\n1: x\n", "yaml", "json")

    assert json.loads(toml.data) == {"day": "2026-01-02", "a": {"b": [1, 2]}}
    assert json.loads(yaml.data) == {"day": "2026-01-02", "1": "x"}


LAUGHS = "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n"


@pytest.mark.parametrize(
    ("source", "target", "data", "message"),
    [
        ("json", "yaml", '{"a": ', "not json"),
        ("json", "yaml", '{"a": NaN}', "NaN is no JSON number"),
        ("json", "yaml", '{"a": 1e999}', "inf, which JSON cannot"),
        ("json", "yaml", "[" * 100_000, "nested deeper"),
        ("json", "yaml", "[" * 70 + "]" * 70, "nested deeper than 64"),
        ("json", "yaml", "1" * 5000, "not json"),
        ("jsonl", "json", '{"a": 1}\n{"a": \n', "line 2"),
        ("yaml", "json", LAUGHS, "anchor"),
        ("yaml", "json", "a: &x [*x]", "anchor"),
        ("yaml", "json", "[" * 100_000, "nested deeper"),
        ("yaml", "json", "!!python/object/apply:os.system ['true']", "not yaml"),
        ("yaml", "json", "a: !!binary aGk=", "binary"),
        ("yaml", "json", "a: b: c", "not yaml"),
        ("yaml", "json", "1: a\n'1': b", "same as text"),
        ("toml", "json", "a = ", "not toml"),
        ("csv", "json", "a,b\n1\n", "line 2 has 1 values, the header has 2"),
        ("csv", "json", "a,a\n1,2\n", "same name"),
        ("csv", "json", 'a\n"x', "line 2"),
        ("json", "csv", '{"a": 1}', "csv holds a list, but the data is one object"),
        ("json", "csv", "[1]", "record 1 is a number"),
        ("json", "csv", '[{"a": {"b": 1}}]', "flat, but record 1 has a object in 'a'"),
        ("json", "csv", json.dumps([{f"k{n}": 1} for n in range(5000)]), "mostly empty"),
        ("json", "json", "[" * 60 + "0," * 90_000 + "0" + "]" * 60, "at most 2,000,000"),
    ],
)
async def test_what_cannot_be_converted_is_told(source, target, data, message):
    """One clear error each; no bomb goes off, and no code runs."""
    began = time.monotonic()

    with pytest.raises(ToolError, match=message):
        await convert(data, source, target)
    assert time.monotonic() - began < 10


async def test_fields_that_nobody_has_are_told():
    """The error lists what there is."""
    for options in ({"select": ["nam"]}, {"rename": {"nam": "x"}}):
        with pytest.raises(ToolError, match=r"field 'nam'. There are: at, id, name"):
            await convert(json.dumps(RECORDS), "json", "json", **options)
    with pytest.raises(ToolError, match="same name"):
        await convert(json.dumps(RECORDS), "json", "json", rename={"id": "name"})
    with pytest.raises(ToolError, match="apply to objects"):
        await convert("[1]", "json", "json", select=["a"])


async def test_too_much_data_is_refused_by_the_servers_own_check(server):
    """The bound is in the schema, so that clients can see it."""
    async with server() as client:
        with pytest.raises(ToolError, match="at most 200000 characters"):
            await client.call_tool(
                "transform_data",
                {"data": "x" * 200_001, "source_format": "json", "target_format": "yaml"},
            )


def resident():
    """Megabytes that this process has taken at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
async def test_a_small_text_that_asks_for_gigabytes_is_stopped():
    """Keys with 9,000 dots: the parser keeps each prefix of each; the server takes nothing for it."""
    before = resident()
    with pytest.raises(ToolError, match="was stopped"):
        await convert(".".join(["k"] * 30_000) + " = 1", "toml", "json")
    assert resident() - before < 50
    assert (await convert("k = 1", "toml", "json")).records is None


@pytest.mark.parametrize(
    "shape",
    [{"select": ["n"] * 150}, {"rename": {"n": "x" * 190}}],
    ids=["many fields", "long names"],
)
async def test_what_would_be_too_large_is_refused_before_the_work(shape):
    before, began = resident(), time.monotonic()
    with pytest.raises(ToolError, match="at most 2,000,000 are written"):
        await convert("n\n" + "7\n" * 40_000, "csv", "yaml", **shape)
    assert resident() - before < 50
    assert time.monotonic() - began < 10


async def test_a_name_of_many_kilobytes_is_not_taken(server):
    async with server() as client:
        with pytest.raises(ToolError, match="200"):
            await client.call_tool(
                "transform_data",
                {
                    "data": '[{"n": 1}]',
                    "source_format": "json",
                    "target_format": "json",
                    "rename": {"n": "x" * 5000},
                },
            )
