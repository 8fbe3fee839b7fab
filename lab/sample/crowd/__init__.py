"""A tool that counts how many calls of it there are."""
