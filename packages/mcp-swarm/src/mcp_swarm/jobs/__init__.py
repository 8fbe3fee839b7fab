"""Long work: jobs, the queue they wait in, the workers that run them."""
