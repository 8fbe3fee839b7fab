"""What the load tester is tried on, at a replica of our own server."""
