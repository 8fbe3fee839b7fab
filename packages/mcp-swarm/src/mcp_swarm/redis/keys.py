"""The names of keys in Redis: ``service:kind:{id}:…``.

An id is in braces, which Redis Cluster calls a hash tag: it keeps all keys with the same tag on one
node. So all keys of one session, job, caller, tenant or replica are together. The name of the service
comes first, because Redis' access rules go by it. What concerns all sessions or all jobs has no id.

The names are public: ``docs/upgrade.md`` lists them.
"""

import re

# Where FastMCP's key of a stored value names its owner: a caller or a session. State that nobody's
# token protects belongs to its own id, or all of it would be on one node.
_OWNER = re.compile(r"(?:user:|session:(?:anon:)?)?([^:]*)")


def tag(name: str) -> str:
    """Returns an id as part of a key."""
    return f"{{{name}}}"


def key(service: str, *parts: str) -> str:
    """Returns the key ``service:part:part``."""
    return ":".join((service, *parts))


def of_state(service: str, collection: str, name: str) -> str:
    """Returns the key of a caller's or a session's state.

    Args:
        service: its name.
        collection: FastMCP's.
        name: FastMCP's key: ``session:CALLER:…``, ``session:anon:ID``, ``user:CALLER:…`` or
            ``SESSION:…``.
    """
    owner = _OWNER.match(name)
    assert owner  # any text matches
    start, end = owner.span(1)
    return key(service, "state-of", collection, name[:start] + tag(owner[1]) + name[end:])
