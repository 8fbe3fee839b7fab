"""What a test does where this machine lacks what it needs: CI must not pass for want of it."""

import os
from typing import NoReturn

import pytest


def absent(reason: str) -> NoReturn:
    """Skips with the reason, or fails where nothing may be missing (CI=true)."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
