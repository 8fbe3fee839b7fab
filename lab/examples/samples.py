"""The files of ``server/examples/data``, which may be deleted while the examples stay."""

import pytest

from server.config import Settings

SAMPLES = Settings.model_fields["files_root"].default


def require_samples() -> None:
    """Skips what reads them where they are gone; at the top of a module, all of it."""
    if not SAMPLES.exists():
        pytest.skip("server/examples/data is deleted", allow_module_level=True)
