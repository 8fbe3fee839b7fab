"""A server with one thing of each kind, to try every capability on."""
