"""Waits for the end of the process that brought a lab up, and takes down what it left."""

import sys

from lab.swarm import cleanup

if __name__ == "__main__":
    # The pipe closes when its writer ends, however it ends. With a word before: all is done.
    if not sys.stdin.buffer.read():
        cleanup.sweep()
