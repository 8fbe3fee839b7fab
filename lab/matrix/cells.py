"""What a client gets, cell by cell: the tests hold every one of these, docs/capabilities.md shows it.

A capability works unless it stands here with what comes in its place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lab.matrix.modes import MODES
from lab.matrix.observation import Kind
from lab.matrix.probes import PROBES
from lab.mcp_wire import ERAS, Era


@dataclass(frozen=True)
class Cell:
    """What must be seen.

    Attributes:
        kind: see ``Seen``.
        names: what the refusal, or the warning in the log, must name; none where nothing is told.
        why: for the page; a rule of the protocol, or the setting to change.
    """

    kind: Kind
    names: str = ""
    why: str = ""


Row = Mapping[str, Cell]

WORKS: Final = Cell("works")
JSON_MODES: Final = ("json", "sessions-json")
STATELESS: Final = ("json", "auto", "stream")
STREAM_MODES: Final = ("stream", "sessions", "single", "sticky")
IN_MEMORY: Final = ("single", "sticky")


def in_modes(modes: tuple[str, ...], cell: Cell) -> Row:
    return dict.fromkeys(modes, cell)


NO_STREAM = in_modes(
    JSON_MODES, Cell("dropped", "MCP_JSON_RESPONSE", "the answer is one JSON body")
)
BOTH_KINDS = in_modes(
    STREAM_MODES,
    Cell("refused", "MCP_JSON_RESPONSE=auto", "406: clients must take JSON and event streams both"),
)
NEEDS_SESSION = in_modes(
    STATELESS, Cell("refused", "MCP_STATELESS_HTTP", "the server asks in a session")
)
NO_SESSION_HERE = in_modes(STATELESS, Cell("absent", why="there are no sessions"))
NO_SESSIONS = in_modes(tuple(MODES), Cell("absent", why="this revision has no sessions"))
OTHERS_MEMORY = in_modes(
    ("sticky",), Cell("dropped", why="in one replica's memory; for all replicas: REDIS_URL")
)

UNKNOWN_ELSEWHERE = in_modes(
    ("sticky",), Cell("refused", "unknown session", "only the replica that made it knows it")
)

EXCEPTIONS: Final[Mapping[tuple[str, Era], Row]] = {
    ("plain HTTP client", "modern"): BOTH_KINDS,
    ("plain HTTP client", "legacy"): BOTH_KINDS,
    ("logs", "modern"): NO_STREAM,
    ("logs", "legacy"): NO_STREAM,
    ("progress", "modern"): NO_STREAM,
    ("progress", "legacy"): NO_STREAM,
    ("streamed results", "modern"): NO_STREAM,
    ("streamed results", "legacy"): NO_STREAM,
    ("cancellation", "legacy"): in_modes(
        STATELESS, Cell("dropped", why="without a session nobody knows which call is meant")
    ),
    ("elicitation", "legacy"): NEEDS_SESSION,
    ("sampling", "legacy"): NEEDS_SESSION,
    ("roots", "legacy"): NEEDS_SESSION,
    ("server and client at once", "legacy"): NEEDS_SESSION,
    ("subscriptions", "modern"): OTHERS_MEMORY,
    ("list-changed", "modern"): OTHERS_MEMORY,
    ("subscriptions", "legacy"): {**NO_SESSION_HERE, **OTHERS_MEMORY},
    ("list-changed", "legacy"): {**NO_SESSION_HERE, **OTHERS_MEMORY},
    ("sessions", "modern"): NO_SESSIONS,
    ("state of a session", "modern"): NO_SESSIONS,
    ("resumption", "modern"): NO_SESSIONS,
    ("sessions", "legacy"): NO_SESSION_HERE,
    ("state of a session", "legacy"): in_modes(
        STATELESS, Cell("dropped", "MCP_STATELESS_HTTP", "kept for that call only")
    ),
    ("resumption", "legacy"): {
        **NO_SESSION_HERE,
        **in_modes(IN_MEMORY, Cell("absent", why="in memory nothing that was sent is kept")),
        **in_modes(("sessions-json",), Cell("absent", why="there is no stream to resume")),
    },
    ("state of a caller", "modern"): OTHERS_MEMORY,
    ("state by an id", "modern"): UNKNOWN_ELSEWHERE,
    ("state by an id", "legacy"): UNKNOWN_ELSEWHERE,
    ("long tasks", "modern"): in_modes(
        ("sticky",), Cell("refused", "no job", "only the replica that took it knows it")
    ),
    ("state of a caller", "legacy"): OTHERS_MEMORY,
}


def cell(capability: str, era: Era, mode: str) -> Cell:
    """What must be seen of `capability` by a client of `era` in `mode`."""
    return EXCEPTIONS.get((capability, era), {}).get(mode, WORKS)


CELLS: Final = [(capability, era, mode) for capability in PROBES for era in ERAS for mode in MODES]
