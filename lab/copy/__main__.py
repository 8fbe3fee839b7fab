"""``python -m lab.copy FOLDER``."""

import argparse
import sys
from pathlib import Path

from lab.copy.make import make


def main() -> int:
    """Makes the copy; 2 if the folder is not empty."""
    parser = argparse.ArgumentParser(prog="python -m lab.copy", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder that is empty, or not there yet")
    folder = parser.parse_args().folder
    if folder.exists() and any(folder.iterdir()):
        print(f"error: {folder} is not empty. Next: name another folder", file=sys.stderr)
        return 2
    make(folder)
    print(f"{folder} is a service of its own. Next: cd {folder} && make test")
    return 0


if __name__ == "__main__":
    sys.exit(main())
