"""The official conformance suite against a server made of our own machinery."""
