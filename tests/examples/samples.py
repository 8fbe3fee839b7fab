"""The files of ``server/samples``, which may be deleted while the examples stay."""

import pytest

from server.config import SAMPLES


def needed() -> None:
    """Skips what reads them where they are gone; at the top of a module, all of it."""
    if not SAMPLES.exists():
        pytest.skip("server/samples is deleted", allow_module_level=True)
