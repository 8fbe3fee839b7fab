"""What a model reads of the examples: every tool, parameter, resource and prompt says what it is for."""


async def test_each_says_what_it_is_for_and_whether_it_only_reads(server):
    """Of whatever examples are there."""
    async with server() as client:
        tools, prompts = await client.list_tools(), await client.list_prompts()
        resources = [*await client.list_resources(), *await client.list_resource_templates()]
    assert [each.name for each in (*tools, *prompts, *resources) if not each.description] == []
    assert [
        t.name for t in tools if not t.annotations or t.annotations.read_only_hint is None
    ] == []
    silent = {
        (tool.name, name)
        for tool in tools
        for name, schema in tool.input_schema.get("properties", {}).items()
        if not schema.get("description")
    }
    assert silent == set()
    assert [(p.name, a.name) for p in prompts for a in p.arguments or () if not a.description] == []
