"""Your prompts: drop a file with ``@prompt`` functions in here and it is live at the next start."""
