"""A black-box load tester for any MCP server at any URL. It speaks HTTP and imports no server.

`traffic` builds calls and checks their answers. `target` sends them over connections. `schedule`
decides when each is due. `measure` counts results and tests the spread over replicas. `report`
renders a run. `check` holds the HTTP checks of test_mcp_client.py, `testing` targets for tests.
"""
