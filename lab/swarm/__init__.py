"""A real Docker Swarm under the tests, and what is shown on it."""
