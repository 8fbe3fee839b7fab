"""The budget of request bodies in memory: of a replica, and of one caller."""

from collections import Counter

# Bytes. A parsed body takes several times its size: with this a replica stays within its memory.
BUDGET = 32 << 20
# Of an authenticated caller, so that one alone cannot shut out the others.
SHARE = BUDGET // 2


class BudgetSpentError(Exception):
    """The budget has no room for these bytes."""


class Budget:
    """Counts the bytes of the bodies that are being read or served.

    Args:
        largest: body that must always fit, if it is alone.
    """

    def __init__(self, largest: int) -> None:
        self.limit = max(BUDGET, largest)
        self.share = max(SHARE, largest)
        self.held = 0
        self._by_caller: Counter[str] = Counter()

    def take(self, size: int, caller: str) -> None:
        """Counts `size` more bytes; `caller` is empty without a token.

        Raises:
            BudgetSpentError: nothing was counted.
        """
        if self.held + size > self.limit:
            raise BudgetSpentError
        if caller:
            if self._by_caller[caller] + size > self.share:
                raise BudgetSpentError
            self._by_caller[caller] += size
        self.held += size

    def give_back(self, size: int, caller: str) -> None:
        """Subtracts the bytes again."""
        self.held -= size
        if caller and size:
            self._by_caller[caller] -= size
            if not self._by_caller[caller]:
                del self._by_caller[caller]
