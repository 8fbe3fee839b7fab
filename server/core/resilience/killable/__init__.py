"""Work in processes that are killed when it takes too long or too much memory: see ``pool``."""

from server.core.resilience.killable.pool import MEGABYTES, PROCESSES, Stopped, run

__all__ = ["MEGABYTES", "PROCESSES", "Stopped", "run"]
