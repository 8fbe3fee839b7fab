"""Keep-alive connections to one target, timed at every step."""
