"""For tests of a service: pytest finds the fixtures by itself once ``mcp-swarm[testing]`` is there.

replica       starts ``python -m server`` as a process: ``replica(CRM_TOKEN="x").url``
http_service  an HTTP server on loopback, which records what a tool sends to it
postgres_url  an empty PostgreSQL database of the test's own
"""
