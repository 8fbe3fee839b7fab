"""Tools that refuse, fail, and speak."""
