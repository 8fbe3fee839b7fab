"""`python -m loadtest`: the load tester where its script is not at hand."""

import sys

from loadtest.cli import main

if __name__ == "__main__":
    sys.exit(main(program="python -m loadtest"))
