"""Counts the results of a run and draws conclusions from them."""
