"""Four tools, a resource and a prompt."""
