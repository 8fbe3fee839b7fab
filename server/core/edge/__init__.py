"""Around a request: who may call, how long, what is logged; one middleware a file."""
