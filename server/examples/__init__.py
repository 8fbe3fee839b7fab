"""The examples: delete this folder, and EXAMPLES in mcp_app.py with it."""
