"""Checks the environment for misspelt settings."""

import difflib
import warnings
from collections.abc import Iterable, Mapping

from mcp_swarm.errors import ConfigError

# Names for stack.yml in service.env, which a container may see as a whole.
OF_THE_STACK = {"MCP_IMAGE", "MCP_REPLICAS"}


def check_names(environment: Mapping[str, str], settings: Iterable[str]) -> None:
    """Rejects a misspelt ``MCP_*`` name, and warns about an unknown one.

    Raises:
        ConfigError: a name is similar to a setting; it names that setting.
    """
    fields = [name.upper() for name in settings]
    known = {*fields, *(f"{name}_FILE" for name in fields)}
    passed = known | OF_THE_STACK
    for name in sorted(environment):
        if not name.upper().startswith("MCP_") or name.upper() in passed:
            continue
        if near := difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.8):
            raise ConfigError(f"{name} is not a setting. Did you mean {near[0]}?")
        warnings.warn(f"{name} is not a setting of mcp-swarm and is ignored", stacklevel=3)
