"""What a client gets in which mode: every cell is tried, and docs/capabilities.md shows them."""
