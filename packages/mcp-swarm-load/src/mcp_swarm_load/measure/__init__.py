"""What a run found out, and what may be said of it."""
