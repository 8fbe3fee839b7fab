"""Every setting, read once from the environment, or from the file that ``NAME_FILE`` names."""

import os
import re
import socket
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, overload

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from mcp_swarm.config.explain import explain
from mcp_swarm.config.files import NamedFiles
from mcp_swarm.config.hosts import Address, PageOrigin, ServedHost
from mcp_swarm.config.names import check_names
from mcp_swarm.errors import ConfigError

Chosen = TypeVar("Chosen", bound="Settings")

# A list: "a,b", or one item per line, as in secrets and stack files.
Listed = Annotated[tuple[str, ...], NoDecode]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
SecretList = Annotated[tuple[SecretStr, ...], NoDecode]


class Settings(BaseSettings):
    """All settings of a replica; frozen, so that nothing changes under a running call."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, case_sensitive=False, extra="ignore"
    )

    mcp_host: Address = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104 - a container's
    mcp_port: int = Field(
        8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one."
    )
    mcp_reuse_port: bool = Field(
        False, description="Share the port with other replicas on this machine (SO_REUSEPORT)."
    )
    mcp_name: str = Field(
        "template-mcp",
        min_length=1,
        description="The server's name. All replicas of a service need the same.",
    )
    mcp_replica: str = Field(
        default_factory=socket.gethostname,
        pattern=r"^[A-Za-z0-9._-]{1,128}$",
        description="This replica's name, which X-Served-By returns. Default: the host name.",
    )
    mcp_stateless_http: bool = Field(
        True, description="No sessions (2025-11-25 and older), so any replica serves any call."
    )
    mcp_fast_path: bool = Field(True, description="Answer plain requests on the fast path.")
    mcp_json_response: bool | Literal["auto"] = Field(
        True,
        description="`true`: plain JSON responses. `false`: event streams, with progress and log "
        "messages. `auto`: each request's Accept decides.",
    )
    mcp_tools: Listed = Field(
        ("all",), description="Modules of the tools to serve, by name: `sales,files`."
    )
    mcp_allowed_hosts: Annotated[tuple[ServedHost, ...], NoDecode] = Field(
        (),
        description="Host names of the service besides localhost: `mcp.example.com`, `*` for any.",
    )
    mcp_allowed_origins: Annotated[tuple[PageOrigin, ...], NoDecode] = Field(
        (),
        description="Browser origins that may call, also with CORS: `https://app.example.com`.",
    )
    mcp_request_state_keys: SecretList = Field(
        (),
        description="Keys for input rounds and jobs: the first encrypts, all decrypt. Same everywhere.",
    )
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
    mcp_body_limit: int = Field(
        4 * 1024 * 1024,
        gt=0,
        description="Maximum request body, in bytes; beyond it: 413. On /mcp it applies to tools/call, "
        "tasks/update and responses to the server; the maximum of all others is 64 KB.",
    )
    mcp_session_ttl: Seconds = Field(
        1800.0,
        description="Seconds that an unused session is kept (protocol 2025-11-25 and older).",
    )
    mcp_session_limit: int = Field(
        50_000, gt=0, description="Maximum sessions (`memory://`: of a replica); beyond it: 503."
    )
    mcp_stream_limit: int = Field(
        4096,
        gt=0,
        description="Maximum GET streams of a replica; beyond it: 503. (`memory://`: one per session.)",
    )
    mcp_listen_limit: int = Field(
        4096, gt=0, description="Maximum `subscriptions/listen` of a replica; beyond it: an error."
    )
    mcp_listen_limit_per_client: int = Field(64, gt=0, description="The same, for one caller.")
    mcp_drain_seconds: float = Field(
        5.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds to keep serving after SIGTERM, until the balancer sends no new calls.",
    )
    mcp_log_format: Literal["text", "json"] = Field(
        "text", description="`text` for people, `json` for machines: one object per line."
    )
    mcp_log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Minimum level to log."
    )
    mcp_outbound_hosts: Listed = Field(
        (),
        description="Hosts that tools may call: `api.example.com`, `*.example.com:8443`; also a private "
        "address `10.0.0.7:9000`, or a network `10.0.1.0/24` that listed names may resolve into.",
    )
    mcp_task_concurrency: int = Field(10, gt=0, description="Maximum running jobs of one worker.")
    mcp_task_tenant_limit: int = Field(
        10, gt=0, description="Maximum running jobs of one tenant (or client, without tenants)."
    )
    mcp_task_queue_limit: int = Field(
        1000,
        ge=0,
        description="Maximum queued jobs, and maximum jobs per caller that wait for input; beyond it: "
        "503 with Retry-After.",
    )
    mcp_task_limit_seconds: Seconds = Field(
        3600.0,
        description="Timeout of a job, in seconds, unless its tool sets `timeout`.",
    )
    mcp_task_attempts: int = Field(
        5, gt=0, description="Maximum attempts of a job whose error is retryable."
    )
    mcp_task_redelivery_seconds: float = Field(
        10.0,
        ge=0.5,
        allow_inf_nan=False,
        description="Seconds without a heartbeat after which a worker is considered dead.",
    )
    mcp_task_drain_seconds: float = Field(
        45.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds that a stopping worker has to finish its jobs before it requeues them.",
    )
    mcp_task_result_limit: int = Field(8 << 20, gt=0, description="Maximum job result, in bytes.")
    mcp_task_result_seconds: float = Field(
        86400.0, ge=1, allow_inf_nan=False, description="Seconds that a job's result is kept."
    )
    auth_enabled: bool = Field(False, description="Require a bearer token.")
    auth_token: SecretStr | None = Field(None, description="The token, if there is one caller.")
    auth_tokens_file: Path | None = Field(
        None, description="YAML file of several callers: sha256, client, subject, tenant, scopes."
    )
    redis_url: str = Field(
        "memory://",
        pattern=r"^(memory|rediss?)://",
        repr=False,  # it may hold a password
        description="Shared state: `memory://` in this process, `redis://…` for all replicas.",
    )
    database_url: SecretStr = Field(
        SecretStr("sqlite+aiosqlite:///mcp-swarm.db"),
        description="The example tools' database: `postgresql+asyncpg://…` in production.",
    )
    mcp_sample_data: bool | None = Field(
        None, description="Example rows for new tables. Default: only without a `DATABASE_URL`."
    )

    @field_validator(
        "mcp_tools",
        "mcp_allowed_hosts",
        "mcp_allowed_origins",
        "mcp_request_state_keys",
        "mcp_outbound_hosts",
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(
                part.strip() for part in value.replace("\n", ",").split(",") if part.strip()
            )
        return value

    @field_validator("auth_token")
    @classmethod
    def _can_be_sent(cls, token: SecretStr | None) -> SecretStr | None:
        if token and not re.fullmatch(r"[!-~]*", token.get_secret_value()):
            raise ValueError(
                "it has spaces or characters outside ASCII, which an Authorization header cannot "
                "carry. Make one with: openssl rand -hex 32"
            )
        return token

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

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        has_token = bool(self.auth_token and self.auth_token.get_secret_value())
        if has_token and not self.auth_enabled:
            raise ValueError(
                "AUTH_TOKEN is set but AUTH_ENABLED is false: anyone could call. "
                "Set AUTH_ENABLED=true, or remove the token"
            )
        if self.auth_tokens_file and not self.auth_enabled:
            raise ValueError(
                "AUTH_TOKENS_FILE is set but AUTH_ENABLED is false: anyone could call. "
                "Set AUTH_ENABLED=true, or remove the file"
            )
        if self.auth_enabled and not has_token and not self.auth_tokens_file:
            raise ValueError(
                "AUTH_ENABLED is true but there is no token to check. "
                "Set AUTH_TOKEN_FILE, AUTH_TOKEN or AUTH_TOKENS_FILE"
            )
        if self.is_shared and not self.mcp_request_state_keys:
            raise ValueError(
                "REDIS_URL names a shared Redis but MCP_REQUEST_STATE_KEYS is empty: an input round "
                f"of one replica would fail on another. Make a key for all of them: {MAKE_KEY}"
            )
        return self

    @property
    def wants_samples(self) -> bool:
        """Whether to add example rows to new tables."""
        asked = self.mcp_sample_data
        return "database_url" not in self.model_fields_set if asked is None else asked

    @property
    def is_shared(self) -> bool:
        """Whether state is shared with other replicas."""
        return not self.redis_url.startswith("memory://")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Returns the sources, highest priority first: arguments, environment, files."""
        return init_settings, env_settings, NamedFiles(settings_cls)


MAKE_KEY = "openssl rand -base64 48, or `make secrets` for the stack"


@overload
def load() -> Settings: ...
@overload
def load(kind: type[Chosen]) -> Chosen: ...
def load(kind: type[Settings] = Settings) -> Settings:
    """Returns the settings of this process, from its environment.

    Args:
        kind: a service's own class of settings.

    Raises:
        ConfigError: a value is wrong, values do not fit together, or an ``MCP_*`` name
            nearly matches a setting's.
    """
    return _load(kind)


@cache
def _load(kind: type[Settings]) -> Settings:
    check_names(os.environ, kind.model_fields)
    try:
        return kind()
    except ValidationError as error:
        raise ConfigError(explain(error, kind)) from None
