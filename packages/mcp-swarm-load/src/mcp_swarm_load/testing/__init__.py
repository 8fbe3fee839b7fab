"""Targets whose behaviour is known, and helpers that run the tester against them."""
