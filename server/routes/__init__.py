"""Your HTTP routes beside /mcp: a file in this folder is served at the next start."""
