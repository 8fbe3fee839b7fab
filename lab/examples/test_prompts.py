"""The example prompts, through the protocol."""

import re

import pytest

pytest.importorskip("server.examples.prompts.sales")
pytest.importorskip("server.examples.prompts.deployments")
pytest.importorskip("server.examples.tools.sales")  # the prompts are made for these tools
pytest.importorskip("server.examples.tools.deployments")

from mcp.shared.exceptions import MCPError

PROMPTS = {"sales_review": {"quarter": "2026-Q2"}, "diagnose_service": {"name": "checkout"}}


async def text_of(server, prompt: str, **arguments: str) -> str:
    async with server() as client:
        result = await client.get_prompt(prompt, arguments)
    (message,) = result.messages
    assert message.role == "user"
    return message.content.text


async def test_both_are_listed_with_their_arguments(server):
    """Names, descriptions, and which arguments are required."""
    async with server() as client:
        found = {prompt.name: prompt for prompt in await client.list_prompts()}

    assert [(a.name, a.required) for a in found["sales_review"].arguments] == [
        ("quarter", True),
        ("region", False),
    ]
    assert [a.name for a in found["diagnose_service"].arguments] == ["name", "symptom"]
    assert all(found[name].description for name in PROMPTS)


@pytest.mark.parametrize("name", PROMPTS)
async def test_each_names_tools_that_there_are_with_arguments_they_have(server, name):
    """Numbered steps begin with tools; what follows "with" are arguments of those tools."""
    text = await text_of(server, name, **PROMPTS[name])
    async with server() as client:
        tools = {tool.name: tool.input_schema["properties"] for tool in await client.list_tools()}

    steps = re.split(r"^\d\. ", text, flags=re.MULTILINE)[1:]
    assert len(steps) >= 3
    for step in steps:
        assert step.split()[0].rstrip(":") in tools
        for tool, argument in re.findall(r"(\w+_\w+) with (\w+)", step):
            assert argument in tools[tool]


@pytest.mark.parametrize(
    ("quarter", "first", "last"),
    [
        ("2026-Q1", "2026-01-01", "2026-03-31"),
        ("2026-Q2", "2026-04-01", "2026-06-30"),
        ("2025-Q3", "2025-07-01", "2025-09-30"),
        ("2025-Q4", "2025-10-01", "2025-12-31"),
    ],
)
async def test_a_review_is_of_the_days_of_its_quarter(server, quarter, first, last):
    """First and last day are right in all four."""
    text = await text_of(server, "sales_review", quarter=quarter, region="north")

    assert f"since {first}, until {last}" in text
    assert 'region "north"' in text


async def test_a_diagnosis_carries_what_was_noticed(server):
    """The symptom and the service stand in the text."""
    text = await text_of(server, "diagnose_service", name="billing", symptom="mails are late")

    assert "mails are late" in text
    assert "logs/billing.log" in text


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("sales_review", {"quarter": "2026-Q5"}),
        ("sales_review", {"quarter": "2026-Q1", "region": "moon"}),
        ("sales_review", {}),
        ("diagnose_service", {"name": "../x"}),
    ],
)
async def test_wrong_arguments_are_refused(server, name, arguments):
    """By the server, before any text is made."""
    async with server() as client:
        with pytest.raises(MCPError):
            await client.get_prompt(name, arguments)
