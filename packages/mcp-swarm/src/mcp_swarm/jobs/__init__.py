"""Long-running work: jobs, their queue, and the workers that run them."""
