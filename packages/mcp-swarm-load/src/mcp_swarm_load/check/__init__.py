"""The HTTP checks of test_mcp_client.py."""
