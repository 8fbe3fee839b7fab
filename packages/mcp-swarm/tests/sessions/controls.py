"""Sessions that lose what a replica has said, or what it was notified of."""

from dataclasses import replace
from typing import Any

from lab.controls import changed_scripts


def impatient() -> None:
    """Sessions take a silent call for a dead one at once."""
    from mcp_swarm.redis.sessions import SessionStore
    from mcp_swarm.sessions import stream_reader

    read = SessionStore.read

    async def read_nobody_runs(self: Any, *asked: Any) -> Any:
        found = await read(self, *asked)
        return found and replace(found, running=False)

    stream_reader.SURE_AFTER = 0
    SessionStore.read = read_nobody_runs


def calls_that_are_not_kept() -> None:
    """What calls of sessions say goes to their client, and nowhere else."""
    from mcp_swarm.redis.sessions import SessionStore

    async def saved(self: Any, *said: Any) -> bool:
        return True

    SessionStore.save = saved


FORGOTTEN = ("reader[2] and reader[2] ~= 'direct' and 1 or 0}", "0}")
CONTROLS = {
    "one-reader": changed_scripts(
        ("if alive(reader[1]) then", "if false then"),
        FORGOTTEN,
        ("if redis.call('HGET', reader_key, 'token') ~= ARGV[4] then return nil end", ""),
        ("send(reader[1], 'kind', 'news'", "send_all('kind', 'news'"),
    ),
    "forgotten-cuts": changed_scripts(FORGOTTEN),
    "takeover-delay": impatient,
    "session-notices": changed_scripts(("append(id, data, ttl, most, uri)\n  elseif", "elseif")),
    "saved-messages": calls_that_are_not_kept,
    "owner-check": changed_scripts(("or found[1] ~= ARGV[3]", "")),
    "one-takeover": changed_scripts(
        ("or call[4] or alive(call[1]) and call[5] ~= ARGV[5]", "or call[4]")
    ),
}
