"""Prompts, resource templates and tools that are particular about their arguments."""
