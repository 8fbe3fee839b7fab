"""What a probe is given, and what it can find."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mcp import MCPError

from lab.matrix.caller import ToolFailedError
from lab.matrix.modes import Service
from lab.mcp_wire import Era

Kind = Literal["works", "refused", "dropped", "absent"]


@dataclass(frozen=True)
class Trial:
    """A cell to be tried.

    Attributes:
        folder: of its own.
        timeout: seconds to wait for what should come; short where it should not.
    """

    service: Service
    era: Era
    folder: Path
    timeout: float


@dataclass(frozen=True)
class Seen:
    """What came of a capability.

    Attributes:
        kind: it works; the call was refused; the call was served without it; or the protocol
            of this era, or this kind of connection, does not have it.
        text: what the client was told; of what was dropped, the tool that sent it.
    """

    kind: Kind
    text: str = ""


WORKS = Seen("works")


def refused(error: Exception) -> Seen:
    """A refusal: by the tool's result, or by an error of the protocol."""
    assert isinstance(error, MCPError | ToolFailedError)
    return Seen("refused", str(error))
