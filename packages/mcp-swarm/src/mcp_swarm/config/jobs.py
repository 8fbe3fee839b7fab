"""Settings of jobs and of the workers that run them."""

from pydantic import Field

from mcp_swarm.config.environment import FromEnvironment, Seconds


class JobSettings(FromEnvironment):
    """Tools that run as jobs."""

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
