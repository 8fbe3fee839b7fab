"""Settings of calls: time, concurrency, questions to the user, and what tools may call."""

from pydantic import Field, SecretStr, field_validator

from mcp_swarm.config.environment import FromEnvironment, Seconds
from mcp_swarm.config.lists import Listed, SecretList

MAKE_KEY = "openssl rand -base64 48, or `make secrets` for the stack"


class CallSettings(FromEnvironment):
    """Calls of tools, resources and prompts."""

    mcp_call_timeout: Seconds = Field(
        30.0,
        description="Timeout of a direct call, in seconds; beyond it the call gets an error.",
    )
    mcp_call_concurrency: int | None = Field(
        None,
        gt=0,
        description="Maximum direct calls that a replica runs at a time; others wait in a queue, at "
        "most `MCP_CALL_TIMEOUT`, then an error. Default: no limit.",
    )
    mcp_ask_timeout: Seconds = Field(
        600.0,
        description="Timeout of a tool's question to the user, in seconds.",
    )
    mcp_request_state_keys: SecretList = Field(
        (),
        description="Keys for input rounds and jobs: the first encrypts, all decrypt. Same everywhere.",
    )
    mcp_outbound_hosts: Listed = Field(
        (),
        description="Hosts that tools may call: `api.example.com`, `*.example.com:8443`; also a private "
        "address `10.0.0.7:9000`, or a network `10.0.1.0/24` that listed names may resolve into.",
    )

    @field_validator("mcp_request_state_keys")
    @classmethod
    def _long_enough(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for number, key in enumerate(keys, 1):
            if (size := len(key.get_secret_value().encode())) < 32:
                split = f"commas part keys, so this is {len(keys)}, and " if keys[1:] else ""
                raise ValueError(
                    f"{split}key {number} has {size} bytes, at least 32 are needed: {MAKE_KEY}"
                )
        return keys
