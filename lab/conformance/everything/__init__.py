"""The everything-server: one fixture for each thing the official suite asks a server for."""
