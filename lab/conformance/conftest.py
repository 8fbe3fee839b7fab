"""The suite is installed once, by the first test that needs it."""

import pytest

from lab.conformance import suite


@pytest.fixture(scope="session")
def official_suite() -> None:
    """The suite and a Node to run it with, or a clear word on what is missing."""
    suite.install()
    suite.node()
