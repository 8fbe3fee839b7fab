"""Makes every kind of key: a caller with a session, calls, subscriptions, state and jobs."""

import asyncio
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2

from lab import replica as replicas
from lab import valkey as valkeys
from lab.jobs.team import Follower
from lab.layout import snapshot
from lab.layout.sample.recorded import NEWS
from lab.layout.service import HEADERS, settings
from lab.legacy import Session, final, rest, soon
from lab.mcp_wire import answer, call, text, with_headers
from lab.replica import Replica
from lab.service_name import NAME

SECONDS = 30.0
KEY = "idempotency key"
YES = {"action": "accept", "content": {"value": True}}


class Scenario:
    """Runs once; then has what was made.

    Attributes:
        kinds: every kind of key that was seen.
        client: what the caller remembers: its session, the places in its streams, its jobs.
        keys: all keys as they are at the end, when no process runs any more.
        ended: when that was, in seconds since 1970.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._gate = folder / "gate"
        self.kinds: dict[str, Any] = {}
        self.client: dict[str, str] = {}
        self.keys: list[dict[str, Any]] = []
        self.ended = 0.0

    def run(self) -> "Scenario":
        with valkeys.serving(self._folder / "valkey") as valkey, ExitStack() as stack:
            self._valkey = valkey
            asyncio.run(self._run(stack))
        return self

    async def _run(self, stack: ExitStack) -> None:
        one, two = [self._start(stack, f"replica-{number}") for number in "12"]
        worker = self._start(stack, "worker", worker=True)
        async with httpx2.AsyncClient(timeout=60, trust_env=False) as http:
            session = await Session(http, [one, two], {**HEADERS}).open()
            await self._session(session)
            await self._takeover(session)
            await self._state(http, one)
            jobs = Follower(http, **HEADERS)
            await self._jobs(jobs, one)
            await asyncio.to_thread(worker.stop)
            self.client["queued"] = await jobs.submit(one, "work", text="was queued")
            self._see()
            await asyncio.to_thread(one.stop)
        self._see()
        self.keys, self.ended = self._all(), time.time()

    def _start(self, stack: ExitStack, name: str, **options: Any) -> Replica:
        own = settings(self._folder, self._valkey.url, MCP_REPLICA=name, **options)
        made = replicas.start(self._folder / name, **own)
        stack.callback(made.end)
        made.wait_until_ready()
        return made

    async def _session(self, session: Session) -> None:
        """A subscription, a message that its stream has not sent, a finished and a running call."""
        one = session.replicas[0]
        self.client["session"] = session.id
        await session.ask("logging/setLevel", level="debug")
        await session.ask("resources/subscribe", uri=NEWS)
        await session.call("note", fact="of the session")
        await session.call("hide", name="hide")
        async with session.noticed(one) as stream:
            await session.call("change")
            self.client["last_event"] = (await soon(stream)).id or ""
            self._see()
        await session.call("change")
        async with session.streamed("say", text="was said", gate=str(self._gate)) as events:
            self.client["call"] = (await anext(events)).id or ""
            self._gate.touch()
            await rest(events)
        self._gate.unlink()
        await self._until("session:{session}:answered")

    async def _takeover(self, session: Session) -> None:
        """A stream moves between replicas; one hangs and dies, and the other takes its call over."""
        one, two = session.replicas
        async with session.streamed("say", two, text="", gate=str(self._gate)) as events:
            begun = (await anext(events)).id
            self._see()
            while "token" not in self.kinds["inbox:{replica}"]["fields"]:  # a heartbeat empties it
                async with session.listen(one, begun), session.listen(two, begun):
                    self._see()
            two.kill(signal.SIGSTOP)
        async with session.listen(one, after=begun) as events:
            await session.note("notifications/cancelled", one, requestId="unknown")
            await session.call("change", one)
            self._see()
            self._gate.touch()
            assert final(await rest(events))["result"]
        self._gate.unlink()
        two.end()
        self._see()

    async def _state(self, http: httpx2.AsyncClient, at: Replica) -> None:
        """Of a caller without a session, and a request state that it has used."""
        for tool, arguments in {
            "remember": {"fact": "of the caller"},
            "hide": {"name": "hide"},
        }.items():
            stored = await http.post(at.url, **with_headers(call(tool, **arguments), **HEADERS))
            assert text(stored) in {"stored", "hidden"}
        asked = with_headers(call("sure"), **HEADERS)
        question = answer(await http.post(at.url, **asked))["result"]
        (name,) = question["inputRequests"]
        asked["json"]["params"] |= {
            "requestState": question["requestState"],
            "inputResponses": {name: YES},
        }
        assert text(await http.post(at.url, **asked)) == "True"
        self._see()

    async def _jobs(self, jobs: Follower, at: Replica) -> None:
        """One in each state but queued."""
        for name, tool, state in (
            ("failed", "fail", "failed"),
            ("asking", "greet", "input_required"),
        ):
            self.client[name] = await jobs.submit(at, tool)
            await jobs.until(at, self.client[name], state)
            self._see()
        self.client["done"] = await jobs.submit(at, "work", KEY, text="was done")
        await jobs.until(at, self.client["done"])
        running = await jobs.submit(at, "work", text="", gate=str(self._gate))
        await jobs.until(at, running, "running")
        self._see()
        self._gate.touch()
        await jobs.until(at, running)
        await self._until("jobs:lease:sweep")

    async def _until(self, kind: str) -> None:
        deadline = time.monotonic() + SECONDS
        while kind not in self.kinds:
            assert time.monotonic() < deadline, f"{kind} is not among {sorted(self.kinds)}"
            await asyncio.sleep(0.05)
            self._see()

    def _see(self) -> None:
        self.kinds = snapshot.merged(self.kinds, snapshot.kinds(self._all(), NAME))

    def _all(self) -> list[dict[str, Any]]:
        with self._valkey.client() as client:
            return snapshot.of(client)
