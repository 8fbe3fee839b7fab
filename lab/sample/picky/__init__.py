"""Prompts and resource templates that are particular about their arguments."""
