"""What an operator reads: log lines and the access log."""
