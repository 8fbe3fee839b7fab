"""Sessions that two replicas share."""

import pytest

from lab.legacy import Session, serving


@pytest.fixture(scope="module")
def replicas(tmp_path_factory):
    """Two replicas that share sessions."""
    with serving(tmp_path_factory.mktemp("sessions")) as started:
        yield started


@pytest.fixture
async def session(http, replicas):
    """A session that is open, on both."""
    return await Session(http, replicas).open()
