"""Your resources: a file in this folder is served at the next start."""
