"""A hundred tools."""
