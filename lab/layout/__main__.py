"""``python -m lab.layout``: records the layout of the current version, if it is not released yet."""

import sys
import tempfile
from pathlib import Path

from lab.layout import records
from lab.layout.scenario import Scenario
from mcp_swarm import __version__


def main() -> int:
    """Writes the record; 2 if the version is released, whose record stays as it is."""
    if records.is_released(__version__):
        print(
            f"error: {__version__} is released, and its layout stays as it is. "
            "Next: set the next version, then record its layout.",
            file=sys.stderr,
        )
        return 2
    with tempfile.TemporaryDirectory() as folder:
        made = Scenario(Path(folder)).run()
    print(f"wrote {records.write(__version__, made)}: {len(made.kinds)} kinds of keys")
    return 0


if __name__ == "__main__":
    sys.exit(main())
