"""A real PostgreSQL for tests, and a port by which it is reached until it is cut off."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from uuid import uuid4

from lab.require import absent
from mcp_swarm.testing import postgres


@contextmanager
def serving() -> Iterator[str]:
    """Runs a PostgreSQL; the URL of it, with ``{}`` for a database's name."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(postgres.serving())
        except (ImportError, OSError, RuntimeError) as error:
            absent(f"no PostgreSQL can be started here: {error}")
        yield f"postgresql+asyncpg://postgres@/{{}}?host={folder}"


async def run(url: str, statement: str) -> None:
    """Runs one statement as the administrator."""
    import asyncpg

    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def new_database(server: str) -> str:
    """The URL of an empty database of its own."""
    name = f"test_{uuid4().hex}"
    await run(server.format("template1"), f'CREATE DATABASE "{name}"')
    return server.format(name)


class Wire:
    """A TCP port to a PostgreSQL. Its state decides what happens to what is sent over it."""

    def __init__(self, url: str) -> None:
        self._path = url.partition("host=")[2] + "/.s.PGSQL.5432"
        self._name = url.partition("?")[0].rpartition("/")[2]
        self._open = asyncio.Event()
        self._open.set()
        self._links: set[asyncio.Task[None]] = set()
        self._lost: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/{self._name}"

    def hang(self) -> None:
        """Nothing arrives any more, on old connections and on new ones, without an error."""
        self._open.clear()

    async def refuse(self) -> None:
        """Ends all connections and takes no new one."""
        assert self._server is not None
        self._server.close()
        await self._end()

    async def listen(self) -> None:
        """Takes connections; those that hang go on."""
        self._open.set()
        if self._server is None or not self._server.is_serving():
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def lose(self) -> None:
        """The host is another now: who is connected hears nothing, new connections are served."""
        self._lost |= self._links

    async def _end(self) -> None:
        links = set(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        writers = [writer]
        try:
            await self._open.wait()
            theirs, back = await asyncio.open_unix_connection(self._path)
            writers.append(back)
            await asyncio.gather(
                self._pass_on(link, reader, back), self._pass_on(link, theirs, writer)
            )
        except asyncio.CancelledError:
            pass  # asyncio's server would print it
        finally:
            for one in writers:
                one.transport.abort()
            self._links.discard(link)

    async def _pass_on(
        self, link: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._open.wait()
                if link not in self._lost:
                    writer.write(data)
        writer.close()


@asynccontextmanager
async def wire(url: str) -> AsyncIterator[Wire]:
    """A port to the PostgreSQL of `url` (by its Unix socket)."""
    made = Wire(url)
    await made.listen()
    try:
        yield made
    finally:
        await made.refuse()
