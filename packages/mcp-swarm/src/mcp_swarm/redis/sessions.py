"""Sessions of protocol 2025-11-25 in Redis: ``session_scripts`` lists the keys.

Times are milliseconds in Redis and seconds here. Every method raises RedisError or OSError if
Redis does not answer. Nothing is retried: a script without an answer may have run.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from mcp_swarm.redis import keys, session_scripts, subscription_scripts
from mcp_swarm.redis.pipeline import PipelinedConnection, Script

# Messages kept per stream, roughly (a client further behind loses the oldest), and read at once.
MAX_EVENTS, AT_ONCE = 1000, 100
# Seconds that the result of a finished call is kept for a client that lost its connection.
ANSWER_KEPT = 300
# Seconds without a heartbeat after which a replica is considered dead, and between heartbeats.
DEAD_AFTER, HEARTBEAT_EVERY = 3.0, 1.0
# Sessions notified of a change in one script.
NOTIFIED_AT_ONCE = 200


@dataclass(frozen=True)
class Events:
    """New messages of a stream, and the state of the call that writes it.

    Attributes:
        events: position, JSON, and URI of the changed resource (or "") of each message.
        done: the call's result is among these events or earlier ones.
        running: the replica that runs the call is alive.
    """

    events: tuple[tuple[str, str, str], ...]
    done: bool
    running: bool


class Opened(IntEnum):
    """Whether a new session was stored."""

    KEPT = 1
    TOO_MANY = 0
    TOO_MANY_OF_OWNER = -1


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored session.

    Attributes:
        params: of `initialize`, as JSON.
        version: of the protocol.
        level: the minimum level of log messages that the client set, if any.
        has_rules: whether components were shown or hidden for it (``ctx.enable_components``).
    """

    params: bytes
    version: str
    level: str | None
    has_rules: bool


@dataclass(frozen=True)
class Followed:
    """The stream now belongs to this reader.

    Attributes:
        after: the position to continue from.
        was_cut: the previous reader, if it was not the response to a POST, was killed.
    """

    after: str
    was_cut: bool


@dataclass(frozen=True)
class Held:
    """The stream belongs to another reader.

    Attributes:
        by: the reader's replica, and the time of that replica's last heartbeat.
    """

    by: str


@dataclass(frozen=True)
class TakenOverCall:
    """A call that was taken over from a dead replica."""

    message: str
    may_repeat: bool
    attempt: int


class SessionStore:
    """Stores sessions, their streams and the replicas that serve them.

    Args:
        connection: to Redis.
        service: first part of every key.
        ttl: seconds that an unused session is kept.

    Attributes:
        fullness: used share of Redis' memory limit: of the last heartbeat, and stored here since.
    """

    def __init__(self, connection: PipelinedConnection, service: str, ttl: float) -> None:
        self.connection = connection
        self.fullness = 0.0
        self._max_memory = 0  # bytes; 0: not known, or no limit
        self._service = service
        self._ttl = int(ttl * 1000)

    async def open(  # noqa: PLR0917 - one for each field
        self, session: str, owner: str, params: str, version: str, max_sessions: int, share: int
    ) -> Opened:
        """Stores a new session.

        Args:
            session: its id.
            owner: the caller that opens it; empty without auth.
            params: of `initialize`, as JSON.
            version: of the protocol.
            max_sessions: sessions that may be open.
            share: sessions that one owner may have open.
        """
        asked = (session, self._ttl, max_sessions, owner, params, version, share)
        if self._max_memory:  # many may come between two heartbeats
            self.fullness += len(params) / self._max_memory
        return Opened(await self._run(session_scripts.OPEN, *asked))

    async def take_up(self, session: str, owner: str, rules: tuple[str, str]) -> Kept | None:
        """Returns the session, if it exists and belongs to `owner`; extends its lifetime.

        Args:
            session: its id.
            owner: the caller.
            rules: key, in the state of callers, of the session's visibility rules.
        """
        state = keys.of_state(self._service, *rules)
        found = await self._run(session_scripts.TAKE_UP, session, owner, self._ttl, state)
        if found is None:
            return None
        params, version, level, has_rules = found
        return Kept(params, version.decode(), level.decode() if level else None, has_rules == 1)

    async def touch(self, session: str) -> bool:
        """Extends the session's lifetime; False if the session has ended."""
        return bool(await self._run(session_scripts.TOUCH, session, self._ttl))

    async def set_level(self, session: str, level: str) -> None:
        """Stores the log level that the client set."""
        await self._run(session_scripts.SET_LEVEL, session, level)

    async def close(self, session: str) -> None:
        """Ends the session on every replica."""
        await self._run(session_scripts.CLOSE, session)

    async def append(self, session: str, data: str) -> bool:
        """Appends a message to the GET stream; False if the session has ended."""
        return bool(await self._run(session_scripts.APPEND, session, data, self._ttl, MAX_EVENTS))

    async def begin(self, session: str, name: str, replica: str, message: str, repeat: int) -> None:
        """Stores a call, so that another replica can take it over."""
        await self._run(session_scripts.BEGIN, session, name, replica, message, repeat, self._ttl)

    async def save(
        self, session: str, name: str, replica: str, events: list[tuple[str, str]], done: bool
    ) -> bool:
        """Stores a call's messages; False if another replica has taken the call over."""
        ttl = ANSWER_KEPT * 1000 if done else self._ttl
        said = [part for event in events for part in event]
        asked = (session, name, replica, ttl, MAX_EVENTS, int(done), *said)
        return bool(await self._run(session_scripts.SAVE, *asked))

    async def drop(self, session: str, name: str) -> None:
        """Deletes a call that will have no result."""
        await self._run(session_scripts.DROP, session, name)

    async def take_over(
        self, session: str, name: str, replica: str, token: str
    ) -> TakenOverCall | None:
        """Moves a dead replica's call to `replica`; None if that one lives, or another was first.

        Args:
            session: its id.
            name: of the call.
            replica: the one that will run the call.
            token: idempotency token; a retry with the same token gets the same call.
        """
        found = await self._run(session_scripts.TAKE_OVER, session, name, replica, token)
        return TakenOverCall(found[0].decode(), found[1] == b"1", int(found[2])) if found else None

    async def follow(
        self, session: str, name: str, replica: str, token: str, after: str
    ) -> Followed | Held | None:
        """Makes `token` the only reader of a stream; None if there is no such stream.

        Args:
            session: its id.
            name: of the stream.
            replica: the reader's replica.
            token: of this reader.
            after: position of the last message that the client has. Without one ("") the reader
                does not take the stream from another reader.
        """
        asked = (session, name, replica, token, after, self._ttl)
        found = await self._run(session_scripts.FOLLOW, *asked)
        if found is None:
            return None
        if len(found) == 1:
            return Held(found[0].decode())
        return Followed(found[0].decode(), found[1] == 1)

    async def read(self, session: str, name: str, token: str, after: str) -> Events | None:
        """Returns the messages after that position; None if another reader has the stream.

        Extends the session's lifetime: an open stream counts as use.
        """
        asked = (session, name, token, after, AT_ONCE, self._ttl)
        found = await self._run(session_scripts.READ, *asked)
        if found is None:
            return None
        entries, done, running = found
        events = tuple(
            (at.decode(), fields[1].decode(), b"".join(fields[3:]).decode())
            for at, fields in entries
        )
        return Events(events, bool(done), bool(running))

    async def leave(self, session: str, name: str, token: str) -> None:
        """Releases the stream for the next reader."""
        await self._run(session_scripts.LEAVE, session, name, token)

    async def send_to(self, replica: str, **message: str) -> bool:
        """Appends a message to a replica's inbox; False if the replica has ended."""
        return bool(await self._run(session_scripts.SEND, replica, *_fields(message)))

    async def send_to_all(self, **message: str) -> None:
        """Appends a message to every replica's inbox."""
        await self._run(session_scripts.SEND_ALL, *_fields(message))

    async def subscribe(self, session: str, uri: str, max_uris: int) -> bool:
        """Subscribes the session; False if it already has `max_uris` subscriptions."""
        asked = (session, uri, self._ttl, max_uris)
        return bool(await self._run(subscription_scripts.SUBSCRIBE, *asked))

    async def unsubscribe(self, session: str, uri: str) -> None:
        """Unsubscribes the session, if it was subscribed."""
        await self._run(subscription_scripts.UNSUBSCRIBE, session, uri)

    async def notify(self, uri: str | None, data: str) -> None:
        """Appends a message once to the GET stream of each session that subscribed to `uri`.

        Args:
            uri: of the resource; None for every session that has opened a GET stream.
            data: JSON of the notification.
        """
        asked = (uri or "", data, self._ttl, MAX_EVENTS)
        later = await self._run(subscription_scripts.NOTIFY, *asked)
        while later:
            now, later = later[:NOTIFIED_AT_ONCE], later[NOTIFIED_AT_ONCE:]
            await self._run(subscription_scripts.NOTIFY_MORE, *asked, *now)

    async def notify_of_all(self, head: str) -> None:
        """Notifies each session of a change of all its URIs; ``head`` is the JSON up to ``uri``."""
        later = await self._run(subscription_scripts.LISTENERS)
        while later:
            now, later = later[:NOTIFIED_AT_ONCE], later[NOTIFIED_AT_ONCE:]
            await self._run(subscription_scripts.NOTIFY_OF_ALL, self._ttl, MAX_EVENTS, head, *now)

    async def heartbeat(self, replica: str, read: str) -> None:
        """Records that the replica is alive. Also probes a Redis that counts as unavailable.

        Args:
            replica: its id.
            read: position of the last inbox message that it has processed; deletes those.
        """
        asked = (self._service, replica, int(DEAD_AFTER * 1000), read)
        memory = await self.connection.run(session_scripts.HEARTBEAT, *asked, probe=True)
        used, self._max_memory = memory
        self.fullness = used / self._max_memory if self._max_memory else 0.0

    async def end(self, replica: str) -> None:
        """Records that the replica has ended, so that nobody waits for its heartbeat to expire."""
        await self._run(session_scripts.END, replica)

    def inbox(self, replica: str) -> str:
        """The key of the stream of messages for `replica`."""
        return keys.key(self._service, "inbox", keys.tag(replica))

    async def _run(self, script: Script, *arguments: Any) -> Any:
        return await self.connection.run(script, self._service, *arguments)


def _fields(message: dict[str, str]) -> list[str]:
    return [part for pair in message.items() for part in pair]
