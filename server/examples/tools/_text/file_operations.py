"""What can be done with the text of a file, for a process of its own: it may take ten times its size."""

import hashlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from mcp_swarm import sandbox
from server.examples.tools._text.files import readable

MAX_FILE_BYTES: Final = 10_000_000
MAX_TEXT_CHARS: Final = 50_000

Operation = Literal[
    "count-lines",
    "count-words",
    "count-chars",
    "reverse-words",
    "uppercase",
    "lowercase",
    "head",
    "tail",
    "sha256",
]


def process(root: Path, path: str, operation: Operation, lines: int) -> tuple[int, int | str]:
    """Bytes of the file at `path` below `root`, and a number or one character more than is shown.

    Raises:
        sandbox.SandboxError: the file cannot be read.
    """
    content = readable(root).read(path, max_bytes=MAX_FILE_BYTES)
    result: int | str
    if operation == "sha256":
        result = hashlib.sha256(content).hexdigest()
    else:
        result = _OPERATIONS[operation](sandbox.decode(path, content), lines)
    return len(content), result[: MAX_TEXT_CHARS + 1] if isinstance(result, str) else result


_OPERATIONS: dict[str, Callable[[str, int], int | str]] = {
    "count-lines": lambda text, _: len(text.splitlines()),
    "count-words": lambda text, _: len(text.split()),
    "count-chars": lambda text, _: len(text),
    "reverse-words": lambda text, _: " ".join(reversed(text.split())),
    "uppercase": lambda text, _: text.upper(),
    "lowercase": lambda text, _: text.lower(),
    "head": lambda text, lines: "\n".join(text.splitlines()[:lines]),
    "tail": lambda text, lines: "\n".join(deque(text.splitlines(), lines)),
}
