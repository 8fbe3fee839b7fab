"""Builds a run's document and renders it as terminal text, Markdown or HTML."""
