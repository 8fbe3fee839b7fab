"""Tools whose answers are of every shape that an answer can have."""
