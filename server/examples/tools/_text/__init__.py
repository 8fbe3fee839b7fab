"""What the tools do with text: convert it, read lines of logs, hide secrets. Plain functions."""
