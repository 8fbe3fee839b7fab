"""Your tools: drop a file with ``@tool`` functions in here and it is live at the next start."""
