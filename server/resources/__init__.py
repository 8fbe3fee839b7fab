"""Your resources: drop a file with ``@resource`` functions in here and it is live at the next start."""
