"""Tries the newest versions of the libraries that we depend on, before an upgrade is due."""
