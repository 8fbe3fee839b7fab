"""See which replica answered: every response says it."""

from lab.mcp_wire import call


async def test_every_answer_names_its_replica(replica, http):
    """In a header of each response, and at /version. The same call works on both."""
    names = ["blue", "green"]
    together = [replica(ready=False, MCP_REPLICA=name) for name in names]
    for name, each in zip(names, together, strict=True):
        each.wait_until_ready()
        version = await http.get(f"{each.base}/version")
        assert version.json()["hostname"] == name
        called = await http.post(each.url, **call("echo", text="hello"))
        assert called.headers["x-served-by"] == name
