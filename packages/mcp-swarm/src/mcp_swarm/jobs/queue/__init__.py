"""Docket's side of a job: the queue it waits in, and the net for what the queue has lost."""
