"""Runs functions in processes with a time and a memory limit: see ``pool``."""

from mcp_swarm.process_pool.pool import MEGABYTES, PROCESSES, Stopped, run

__all__ = ["MEGABYTES", "PROCESSES", "Stopped", "run"]
