"""The suite is installed once; each way gets a folder of its own."""

import pytest

from tests.conformance import suite


@pytest.fixture(scope="session", autouse=True)
def official_suite() -> None:
    """The suite and a Node to run it with, or a clear word on what is missing."""
    suite.install()
    suite.node()
