"""The checks of test_mcp_client.py on bare HTTP."""
