"""What replicas share of sessions (2025-11-25): see ``session_scripts`` for the keys.

Numbers are milliseconds in Redis and seconds here. Every method raises RedisError or OSError
if Redis does not answer; nothing is tried twice, for what was not answered may have been done.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from server.core.store import session_scripts as lua
from server.core.store import subscription_scripts as telling
from server.core.store.line import Line, Script

# First part of the keys of callers' state: see ``fields``.
STATE = "state-of"

# Messages kept of one stream, about: who is further behind has lost the oldest.
MOST_EVENTS = 1000
# Messages read from a stream at once.
AT_ONCE = 100
# Seconds that the answer of a finished call is kept for a client that lost its connection.
ANSWER_KEPT = 300
# Seconds without a sign of life after which a replica counts as dead, and between two signs.
DEAD_AFTER, BEAT_EVERY = 3.0, 1.0
# Sessions told of a change in one step of Redis.
TOLD_AT_ONCE = 200


@dataclass(frozen=True)
class Events:
    """News of a stream, and how it stands with the call that writes it.

    Attributes:
        events: position in the stream and JSON of each message, and the URI of the resource
            that it says has changed, or "".
        done: the call has been answered, in these events or earlier ones.
        running: the replica that runs the call is alive.
    """

    events: tuple[tuple[str, str, str], ...]
    done: bool
    running: bool


class Opened(IntEnum):
    """Whether a new session is kept."""

    KEPT = 1
    TOO_MANY = 0
    TOO_MANY_OF_OWNER = -1


@dataclass(frozen=True, slots=True)
class Kept:
    """A session as it is kept.

    Attributes:
        params: of `initialize`, as JSON.
        version: of the protocol.
        level: of log messages that the client wants, if it said.
        has_rules: components were shown or hidden for it (``ctx.enable_components``).
    """

    params: bytes
    version: str
    level: str | None
    has_rules: bool


@dataclass(frozen=True)
class Followed:
    """A stream has this reader now.

    Attributes:
        after: the position to read on from.
        was_cut: the reader before, if it was not the response to a POST, was killed: it never left.
    """

    after: str
    was_cut: bool


@dataclass(frozen=True)
class Held:
    """A stream has another reader.

    Attributes:
        by: its replica, and when that last gave a sign of life.
    """

    by: str


@dataclass(frozen=True)
class Orphan:
    """A call that was taken over from a dead replica."""

    message: str
    may_repeat: bool
    attempt: int


class SessionStore:
    """Sessions, their streams and the replicas that serve them, in Redis.

    Args:
        line: to Redis.
        service: first part of every key.
        ttl: seconds that an unused session is kept.

    Attributes:
        fullness: used share of the memory that Redis may have, at the last heartbeat.
    """

    def __init__(self, line: Line, service: str, ttl: float) -> None:
        self.line = line
        self.fullness = 0.0
        self._service = service
        self._ttl = int(ttl * 1000)

    async def open(  # noqa: PLR0917 - one for each field
        self, session: str, owner: str, params: str, version: str, most: int, share: int
    ) -> Opened:
        """Keeps a new session.

        Args:
            session: its id.
            owner: who opens it; empty without auth.
            params: of `initialize`, as JSON.
            version: of the protocol.
            most: sessions that may be open.
            share: sessions that one owner may have open.
        """
        asked = (session, self._ttl, most, owner, params, version, share)
        return Opened(await self._run(lua.OPEN, *asked))

    async def take_up(self, session: str, owner: str, rules: tuple[str, str]) -> Kept | None:
        """The session, if it exists and is `owner`'s; it lives on.

        Args:
            session: its id.
            owner: who asks.
            rules: name, in the state of callers, of what is shown or hidden for the session.
        """
        state = ":".join((STATE, *rules))
        found = await self._run(lua.TAKE_UP, session, owner, self._ttl, state)
        if found is None:
            return None
        params, version, level, has_rules = found
        return Kept(params, version.decode(), level.decode() if level else None, has_rules == 1)

    async def touch(self, session: str) -> bool:
        """Lets the session live on; False if it is over."""
        return bool(await self._run(lua.TOUCH, session, self._ttl))

    async def set_level(self, session: str, level: str) -> None:
        """Keeps the log level that the client asked for."""
        await self._run(lua.SET_LEVEL, session, level)

    async def close(self, session: str) -> None:
        """Ends the session on every replica."""
        await self._run(lua.CLOSE, session)

    async def append(self, session: str, data: str) -> bool:
        """Puts a message on the GET stream; False if the session is over."""
        return bool(await self._run(lua.APPEND, session, data, self._ttl, MOST_EVENTS))

    async def begin(self, session: str, name: str, replica: str, message: str, repeat: int) -> None:
        """Keeps a call, so that another replica can answer for it."""
        await self._run(lua.BEGIN, session, name, replica, message, repeat, self._ttl)

    async def save(
        self, session: str, name: str, replica: str, events: list[tuple[str, str]], done: bool
    ) -> bool:
        """Keeps what a call said; False if the call is another replica's by now."""
        ttl = ANSWER_KEPT * 1000 if done else self._ttl
        said = [part for event in events for part in event]
        asked = (session, name, replica, ttl, MOST_EVENTS, int(done), *said)
        return bool(await self._run(lua.SAVE, *asked))

    async def drop(self, session: str, name: str) -> None:
        """Forgets a call that is not answered; readers of its stream are notified."""
        await self._run(lua.DROP, session, name)

    async def take_over(self, session: str, name: str, replica: str, heir: str) -> Orphan | None:
        """Makes the call of a dead replica `replica`'s; None if it is alive or another was first.

        Args:
            session: its id.
            name: of the call.
            replica: that will run it.
            heir: who asks; if the answer is lost it may ask again.
        """
        found = await self._run(lua.TAKE_OVER, session, name, replica, heir)
        return Orphan(found[0].decode(), found[1] == b"1", int(found[2])) if found else None

    async def follow(
        self, session: str, name: str, replica: str, token: str, after: str
    ) -> Followed | Held | None:
        """Makes `token` the one reader of a stream; None if there is no such stream.

        Args:
            session: its id.
            name: of the stream.
            replica: that reads it.
            token: of this reader.
            after: position of the last message that the client has; empty if it names none, which
                does not take the stream from another reader.
        """
        found = await self._run(lua.FOLLOW, session, name, replica, token, after, self._ttl)
        if found is None:
            return None
        if len(found) == 1:
            return Held(found[0].decode())
        return Followed(found[0].decode(), found[1] == 1)

    async def read(self, session: str, name: str, token: str, after: str) -> Events | None:
        """What came after that position; None if the stream is no longer this reader's.

        An open stream is use of the session, which lives on.
        """
        found = await self._run(lua.READ, session, name, token, after, AT_ONCE, self._ttl)
        if found is None:
            return None
        entries, done, running = found
        events = tuple(
            (at.decode(), fields[1].decode(), b"".join(fields[3:]).decode())
            for at, fields in entries
        )
        return Events(events, bool(done), bool(running))

    async def leave(self, session: str, name: str, token: str) -> None:
        """The reader is gone, the next may come."""
        await self._run(lua.LEAVE, session, name, token)

    async def tell(self, replica: str, **message: str) -> bool:
        """Puts a message into a replica's inbox; False if it has ended."""
        return bool(await self._run(lua.TELL, replica, *_fields(message)))

    async def tell_all(self, **message: str) -> None:
        """Puts a message into every replica's inbox."""
        await self._run(lua.TELL_ALL, *_fields(message))

    async def subscribe(self, session: str, uri: str, most: int) -> bool:
        """False if the session has `most` subscriptions already."""
        return bool(await self._run(telling.SUBSCRIBE, session, uri, self._ttl, most))

    async def unsubscribe(self, session: str, uri: str) -> None:
        """Nothing happens if it was not subscribed."""
        await self._run(telling.UNSUBSCRIBE, session, uri)

    async def notify(self, uri: str | None, data: str) -> None:
        """Puts a message on the GET stream of each session that subscribed to `uri`, once.

        Args:
            uri: of the resource; None for every session that ever opened a GET stream.
            data: JSON of the notification.
        """
        later = await self._run(telling.NOTIFY, uri or "", data, self._ttl, MOST_EVENTS)
        while later:
            now, later = later[:TOLD_AT_ONCE], later[TOLD_AT_ONCE:]
            await self._run(telling.NOTIFY_MORE, uri or "", data, self._ttl, MOST_EVENTS, *now)

    async def notify_of_all(self, head: str) -> None:
        """Tells each session that all it subscribed to has changed.

        Args:
            head: JSON of the notification up to the value of ``uri``, the last in ``params``.
        """
        later = await self._run(telling.LISTENERS)
        while later:
            now, later = later[:TOLD_AT_ONCE], later[TOLD_AT_ONCE:]
            await self._run(telling.NOTIFY_OF_ALL, self._ttl, MOST_EVENTS, head, *now)

    async def beat(self, replica: str, read: str) -> None:
        """A sign of life, even while Redis counts as away: so it is found out that it is back.

        Args:
            replica: whose.
            read: position of the last message of its inbox that it has taken; those are dropped.
        """
        asked = (self._service, replica, int(DEAD_AFTER * 1000), read)
        used, allowed = await self.line.run(lua.BEAT, *asked, probe=True)
        self.fullness = used / allowed if allowed else 0.0

    async def end(self, replica: str) -> None:
        """The replica has ended: nobody needs to wait for its silence."""
        await self._run(lua.END, replica)

    def inbox(self, replica: str) -> str:
        """The stream of what `replica` is told."""
        return f"{self._service}:inbox:{replica}"

    async def _run(self, script: Script, *arguments: Any) -> Any:
        return await self.line.run(script, self._service, *arguments)


def _fields(message: dict[str, str]) -> list[str]:
    return [part for pair in message.items() for part in pair]
