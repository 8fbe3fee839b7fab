"""Settings of the stores that replicas share: Redis and the database."""

from pydantic import Field, SecretStr

from mcp_swarm.config.environment import FromEnvironment


class StoreSettings(FromEnvironment):
    """Redis, and the database of tools."""

    redis_url: str = Field(
        "memory://",
        pattern=r"^(memory|rediss?)://",
        repr=False,  # it may hold a password
        description="Shared state: `memory://` in this process, `redis://…` for all replicas.",
    )
    database_url: SecretStr = Field(
        SecretStr("sqlite+aiosqlite:///mcp-swarm.db"),
        description="The tools' database: `postgresql+asyncpg://…` in production.",
    )
    mcp_sample_data: bool | None = Field(
        None, description="Example rows for new tables. Default: only without a `DATABASE_URL`."
    )

    @property
    def wants_samples(self) -> bool:
        """Whether to add example rows to new tables."""
        asked = self.mcp_sample_data
        return "database_url" not in self.model_fields_set if asked is None else asked

    @property
    def is_shared(self) -> bool:
        """Whether state is shared with other replicas."""
        return not self.redis_url.startswith("memory://")
