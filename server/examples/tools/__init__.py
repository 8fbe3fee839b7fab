"""The example tools."""
