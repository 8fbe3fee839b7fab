"""Tools for testing the load tester on a replica of this server."""
