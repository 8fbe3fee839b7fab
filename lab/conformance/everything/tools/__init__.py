"""The suite's tools, discovered like any other package of tools."""
