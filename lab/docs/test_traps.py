"""docs/traps.md is generated from a table that is complete."""

from itertools import chain

from lab.docs.test_from_outside import functions
from lab.docs.traps import TRAPS


def test_each_trap_has_its_tests() -> None:
    """The table names every trap, and tests that exist."""
    assert list(TRAPS) == [f"T{n}" for n in range(1, 26)]
    for named in chain.from_iterable(TRAPS.values()):
        path, _, name = named.partition("::")
        assert name in functions(f"packages/mcp-swarm/tests/{path}")
