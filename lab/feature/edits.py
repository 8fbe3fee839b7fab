"""What the example of docs/architecture.md changes in files that exist: one or more lines each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """Lines that go after a line of a file.

    Attributes:
        file: its path from the project's root.
        after: the line, which the file has once.
        lines: the new ones.
    """

    file: str
    after: str
    lines: str


LIBRARY = "packages/mcp-swarm/src/mcp_swarm"
SETTING = Edit(
    f"{LIBRARY}/config/calls.py",
    '        "most `MCP_CALL_TIMEOUT`, then an error. Default: no limit.",\n    )\n',
    """    mcp_call_quota: int | None = Field(
        None,
        gt=0,
        description="Maximum calls of one caller in a minute, over all replicas. Default: no limit.",
    )
""",
)
IMPORT = Edit(
    f"{LIBRARY}/build.py",
    "from mcp_swarm.calls.dropped_messages import DroppedMessagesMiddleware\n",
    "from mcp_swarm.calls.quota import QuotaMiddleware\n",
)
LINE = Edit(
    f"{LIBRARY}/build.py",
    "        StoreErrorsMiddleware(),  # around all that may need Redis or the database\n",
    "        *_quota(settings, store),  # before a call takes a slot\n",
)
WIRING = Edit(
    f"{LIBRARY}/build.py",
    "    return [ConcurrencyMiddleware(max_calls, settings.mcp_call_timeout)] if max_calls else []\n",
    """

def _quota(settings: CallSettings, store: "Store | None") -> list[Middleware]:
    quota = settings.mcp_call_quota
    return [QuotaMiddleware(quota, store)] if quota and store else []
""",
)
LISTED = Edit("service.env", "MCP_CALL_CONCURRENCY\n", "MCP_CALL_QUOTA\n")
NOTED = Edit(
    "CHANGELOG.md",
    "### Added\n\n",
    "- `MCP_CALL_QUOTA`: maximum calls of one caller in a minute.\n",
)
EDITS = (SETTING, IMPORT, LINE, WIRING, LISTED, NOTED)
