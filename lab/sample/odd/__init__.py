"""Tools, resources and prompts whose results JSON, or their own schema, cannot hold."""
