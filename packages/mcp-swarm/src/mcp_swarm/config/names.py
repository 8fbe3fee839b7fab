"""Names in the environment that look like settings and are none."""

import difflib
import warnings
from collections.abc import Iterable, Mapping

from mcp_swarm.errors import ConfigError

# service.env names them for stack.yml, and a container may see that file whole.
OF_THE_STACK = {"MCP_IMAGE", "MCP_REPLICAS"}


def check_names(environment: Mapping[str, str], settings: Iterable[str]) -> None:
    """Refuses a misspelt ``MCP_*`` name, and warns of one that means nothing here.

    Raises:
        ConfigError: naming the setting that was probably meant.
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
