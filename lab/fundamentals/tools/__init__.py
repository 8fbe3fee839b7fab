"""Tools that the fundamentals serve, as one would drop them into server/tools/."""
