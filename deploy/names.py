"""Names of Swarm's secrets and configs, which never change: a new content needs a new name.

Compose files write `name: …-${SOMETHING_HASH:-1}` above `file: …`; the variable is set here.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

_ENTRY = re.compile(r"name: \S*\$\{(\w+_HASH):-1\}\s+file: (\S+)")
_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def content_hashes(files: Iterable[Path], values: Mapping[str, str]) -> dict[str, str]:
    """Returns variable → hash of the file that it names.

    Args:
        files: Compose files; what they name lies relative to the first one's folder.
        values: variables that are set.

    Raises:
        OSError: a file is not there.
    """
    listed = list(files)
    found = {}
    for file in listed:
        for variable, path in _ENTRY.findall(file.read_text()):
            named = _VARIABLE.sub(lambda match: values.get(match[1]) or match[2], path)
            found[variable] = content_hash((listed[0].parent / named).read_bytes())
    return found


def content_hash(content: bytes) -> str:
    """Returns 12 digits of the content's hash. By a slow hash: names are no secret, and a password may be a weak one."""
    return hashlib.scrypt(content, salt=b"mcp-swarm", n=2**14, r=8, p=1, dklen=6).hex()
