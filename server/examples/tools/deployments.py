"""Deployments: what runs where, with which configuration, and whether it answers.

Read from ``deployments/*.yaml`` below ``FILES_ROOT``, which the operator writes. Values that look
like secrets are never shown. A check may only reach what ``MCP_OUTBOUND_HOSTS`` allows.
"""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from fastmcp.exceptions import ToolError
from fastmcp.tools import tool
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from mcp_swarm import sandbox
from server.config import settings
from server.examples.tools._text.secrets import MASK, masked, masked_text

FOLDER: Final = "deployments"
MAX_FILE_BYTES: Final = 100_000
MAX_FILES: Final = 1_000

READS = {"readOnlyHint": True, "idempotentHint": True}

Name = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="The deployment's name, as list_deployments returns it.",
    ),
]


class Check(BaseModel):
    """How to find out whether a deployment answers: a URL to get, or a TCP port to open."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = None
    tcp: str | None = Field(None, pattern=r"^[^:/@ ]+:\d{1,5}$", description="host:port")
    expect_status: int = Field(200, ge=100, le=599)
    timeout_seconds: float = Field(5.0, gt=0, le=20)

    @model_validator(mode="after")
    def _one_way(self) -> "Check":
        if (self.url is None) == (self.tcp is None):
            raise ValueError("a check needs either url or tcp, and one of them only")
        return self


class Deployment(BaseModel):
    """A file below ``deployments/``."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    description: str = ""
    environment: str = "unknown"
    image: str | None = None
    replicas: int | None = Field(None, ge=0)
    owner: str | None = None
    deployed_at: AwareDatetime | None = None
    check: Check | None = None
    config: dict[str, Any] = {}


class ListedDeployment(BaseModel):
    name: str
    description: str
    environment: str
    image: str | None
    replicas: int | None
    owner: str | None
    deployed_at: AwareDatetime | None
    has_check: bool = Field(description="Whether check_service_status can look at it.")


class Deployments(BaseModel):
    deployments: list[ListedDeployment] = Field(description="By name.")
    unreadable: list[str] = Field(description="Files that could not be used, each with the reason.")


class DeploymentConfig(BaseModel):
    name: str
    environment: str
    config: dict[str, Any] = Field(description=f"The configuration; {MASK} stands for a secret.")
    masked: list[str] = Field(description="Where values were hidden, such as 'DATABASE.password'.")


class ServiceStatus(BaseModel):
    name: str
    status: Literal["up", "down"]
    checked: str = Field(description="What was asked, such as 'GET http://…' or 'tcp host:port'.")
    detail: str
    http_status: int | None
    milliseconds: float | None = Field(description="Until it answered; null if it did not.")


@tool(annotations={"title": "List deployments", "openWorldHint": False, **READS})
async def list_deployments(
    environment: Annotated[
        str | None, Field(max_length=100, description="Only this one, such as 'production'.")
    ] = None,
) -> Deployments:
    """What is deployed: image, replicas, owner and time, by name."""
    found, unreadable = await asyncio.to_thread(_read_all)
    listed = [
        ListedDeployment(
            **dict(one.model_dump(exclude={"check", "config"})), has_check=bool(one.check)
        )
        for one in sorted(found, key=lambda one: one.name)
        if environment in (None, one.environment)
    ]
    if environment and not listed:
        known = ", ".join(sorted({one.environment for one in found})) or "none"
        raise ToolError(f"There is no environment {environment!r}. There are: {known}.")
    return Deployments(deployments=listed, unreadable=unreadable)


@tool(annotations={"title": "Read a configuration", "openWorldHint": False, **READS})
async def read_config(
    name: Name,
    section: Annotated[
        str | None, Field(max_length=200, description="Only this part, such as 'DATABASE'.")
    ] = None,
) -> DeploymentConfig:
    """The configuration of one deployment, secrets hidden."""
    deployment = await _find(name)
    places: list[str] = []
    shown: Any = masked(deployment.config, "", places)  # first: a part of a secret is a secret
    for part in section.split(".") if section else []:
        if not isinstance(shown, dict) or part not in shown:
            known = ", ".join(shown) if isinstance(shown, dict) else "nothing, it is one value"
            raise ToolError(f"The configuration has no {section!r}: {part!r} is not in {known}.")
        shown = shown[part]
    if section:
        places = [place for place in places if f"{place}.".startswith(f"{section}.")]
    return DeploymentConfig(
        name=deployment.name,
        environment=deployment.environment,
        config=shown if isinstance(shown, dict) else {str(section): shown},
        masked=places,
    )


@tool(annotations={"title": "Check a service", "openWorldHint": True, **READS})
async def check_service_status(name: Name) -> ServiceStatus:
    """Ask a deployment's check now, once: does it answer as expected, and how fast?"""
    from mcp_swarm import http  # an HTTP client is loaded by replicas that check

    deployment = await _find(name)
    check = deployment.check
    if check is None:
        raise ToolError(f"{name!r} has no check. The operator adds one to its file: url or tcp.")
    checked = f"GET {masked_text(check.url)}" if check.url else f"tcp {check.tcp}"
    try:
        if check.url:
            answer = await http.client().request(
                "GET", check.url, seconds=check.timeout_seconds, max_bytes=1_000
            )
            up = answer.status == check.expect_status
            detail = f"answered {answer.status}, expected {check.expect_status}"
            status, milliseconds = answer.status, answer.milliseconds
        else:
            host, _, port = str(check.tcp).rpartition(":")
            milliseconds = await http.client().connect(
                host, int(port), seconds=check.timeout_seconds
            )
            up, detail, status = True, "accepts connections", None
    except http.Unreachable as error:
        return ServiceStatus(
            name=name, status="down", checked=checked, detail=str(error), **_NO_ANSWER
        )
    return ServiceStatus(
        name=name,
        status="up" if up else "down",
        checked=checked,
        detail=detail,
        http_status=status,
        milliseconds=milliseconds,
    )


_NO_ANSWER: dict[str, Any] = {"http_status": None, "milliseconds": None}


async def _find(name: str) -> Deployment:
    found, unreadable = await asyncio.to_thread(_read_all)
    for deployment in found:
        if deployment.name == name:
            return deployment
    known = ", ".join(sorted(one.name for one in found)) or "none"
    broken = f" Files that could not be used: {len(unreadable)}." if unreadable else ""
    raise ToolError(f"There is no deployment {name!r}. There are: {known}.{broken}")


def _read_all() -> tuple[list[Deployment], list[str]]:
    found: list[Deployment] = []
    unreadable: list[str] = []
    for path in _files():
        try:
            deployment = _read(path)
            if any(other.name == deployment.name for other in found):
                raise ValueError(f"repeats the name {deployment.name!r} of another file")
            found.append(deployment)
        except (ToolError, ValueError) as error:
            unreadable.append(f"{path}: {error}")
    return found, unreadable


def _files() -> Iterator[str]:
    names = sorted(
        entry.name
        for entry in sandbox.Sandbox(settings().files_root).entries(FOLDER)
        if entry.name.endswith((".yaml", ".yml"))
    )
    return (f"{FOLDER}/{name}" for name in names[:MAX_FILES])


def _read(path: str) -> Deployment:
    import yaml

    text = sandbox.Sandbox(settings().files_root).read_text(path, max_bytes=MAX_FILE_BYTES)
    try:
        return Deployment.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise ValueError(f"is not YAML{where}") from error
    except ValidationError as error:
        # Only places and reasons: an input value may be a secret in the wrong place.
        problems = (
            f"{'.'.join(map(str, one['loc'])) or 'file'}: {one['msg']}" for one in error.errors()
        )
        raise ValueError("; ".join(problems)) from error
