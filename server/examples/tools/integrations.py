"""Integrations: call allowed APIs, convert data between formats, check it against a schema.

``MCP_OUTBOUND_HOSTS`` lists what ``call_external_api`` may call; it is empty by default.
``_text/formats.py`` reads and writes the formats.
"""

import json
from typing import Annotated, Any, Literal

from fastmcp.exceptions import ToolError
from fastmcp.tools import tool
from pydantic import BaseModel, Field

from mcp_swarm import process_pool
from mcp_swarm import schema as schemas
from server.examples.tools._text import formats
from server.examples.tools._text.fields import FormatError, Target

MAX_ANSWER_BYTES = 1_000_000
SECONDS = 5.0  # of a conversion or a check
# The headers of an answer that a caller needs; cookies and the like stay here.
SHOWN_HEADERS = {
    *("content-type", "date", "etag", "last-modified", "link", "location", "retry-after"),
    *("x-request-id", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"),
}

Path = Annotated[str, Field(max_length=1_000)]
FieldName = Annotated[str, Field(max_length=200)]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


class ApiAnswer(BaseModel):
    status: int
    ok: bool = Field(description="True for a status from 200 to 299.")
    url: str = Field(description="What answered, after redirects.")
    headers: dict[str, str]
    data: Any = Field(description="The body as JSON, if it is JSON; else null.")
    text: str | None = Field(description="The body as text, if it is not JSON; else null.")
    truncated: bool = Field(description="True if the body was longer than max_bytes.")
    milliseconds: float


class Transformed(BaseModel):
    source_format: formats.Source
    target_format: Target
    records: int | None = Field(description="How many, if the data is a list; else null.")
    data: str = Field(description="The converted data as text.")


class SchemaError(BaseModel):
    pointer: str = Field(description="Where, as a JSON Pointer: '/items/0/price', '' for all.")
    keyword: str = Field(description="The keyword of the schema that is broken.")
    message: str


class SchemaReport(BaseModel):
    valid: bool
    draft: str = Field(description="The version of JSON Schema that was applied.")
    errors: list[SchemaError]
    truncated: bool = Field(description="True if there are more errors than these.")


@tool(
    annotations={
        "title": "Call an external API",
        "readOnlyHint": False,
        "destructiveHint": True,  # a DELETE may be
        "idempotentHint": False,
        "openWorldHint": True,
    }
)
async def call_external_api(
    url: Annotated[
        str, Field(max_length=2048, description="Full URL, on a host that the operator allowed.")
    ],
    method: Annotated[Method, Field(description="GET and HEAD only read.")] = "GET",
    headers: Annotated[
        dict[str, str] | None,
        Field(max_length=20, description="Headers to send; no credentials or cookies."),
    ] = None,
    body: Annotated[Any, Field(description="Sent as JSON with POST, PUT, PATCH, DELETE.")] = None,
    *,
    timeout_seconds: Annotated[float, Field(gt=0, le=25, description="For the whole call.")] = 10,
    max_bytes: Annotated[
        int, Field(ge=1, le=MAX_ANSWER_BYTES, description="Of the body to return.")
    ] = 200_000,
) -> ApiAnswer:
    """Call an HTTP API and return its answer, JSON parsed. Only allowed hosts; nothing is retried.

    An HTTP error such as 404 is an answer (ok: false); no answer at all is an error.
    """
    from mcp_swarm import http  # an HTTP client is loaded by replicas that call

    if body is not None and method in ("GET", "HEAD"):
        raise ToolError(f"{method} takes no body. Put the values into the URL, or use POST.")
    content = None if body is None else json.dumps(body, allow_nan=False).encode()
    sent = dict(headers or {})
    if content is not None and "content-type" not in {name.lower() for name in sent}:
        sent["content-type"] = "application/json"
    answer = await http.client().request(
        method, url, headers=sent, content=content, seconds=timeout_seconds, max_bytes=max_bytes
    )
    data, text = _parse_body(answer.content, answer.headers.get("content-type", ""))
    return ApiAnswer(
        status=answer.status,
        ok=200 <= answer.status < 300,
        url=answer.url,
        headers={name: value for name, value in answer.headers.items() if name in SHOWN_HEADERS},
        data=data,
        text=text,
        truncated=answer.truncated,
        milliseconds=answer.milliseconds,
    )


@tool(
    annotations={
        "title": "Convert data",
        "readOnlyHint": True,
        "idempotentHint": True,
        "openWorldHint": False,
    }
)
async def transform_data(
    data: Annotated[
        str, Field(max_length=formats.MAX_CHARS, description="The data, as text in its format.")
    ],
    source_format: Annotated[formats.Source, Field(description="What data is written in.")],
    target_format: Annotated[Target, Field(description="What to write; not toml.")],
    *,
    select: Annotated[
        list[Path] | None,
        Field(max_length=200, description="Fields to keep, in order; 'address.city' looks inside."),
    ] = None,
    rename: Annotated[
        dict[Path, FieldName] | None,
        Field(max_length=200, description="New names, by the old ones."),
    ] = None,
    escape_formulas: Annotated[
        bool,
        Field(description="In CSV, put ' before text that a spreadsheet would run as a formula."),
    ] = True,
) -> Transformed:
    """Convert between JSON, JSON lines, YAML, CSV and TOML (TOML is read only).

    Values from CSV are text. CSV takes a list of flat objects. Dates become ISO 8601 text. YAML
    may have no aliases. select and rename apply to the object, or to each object of a list.
    """
    try:
        records, text = await process_pool.run(
            formats.convert,
            *(data, source_format, target_format, select, rename or {}, escape_formulas),
            seconds=SECONDS,
        )
    except FormatError as error:
        raise ToolError(str(error)) from error
    return Transformed(
        source_format=source_format, target_format=target_format, records=records, data=text
    )


@tool(
    annotations={
        "title": "Check data against a schema",
        "readOnlyHint": True,
        "idempotentHint": True,
        "openWorldHint": False,
    }
)
async def validate_schema(
    document: Annotated[Any, Field(description="The JSON value to check.")],
    schema: Annotated[
        dict[str, Any] | bool,
        Field(description="JSON Schema; its $schema picks the draft, 2020-12 if it has none."),
    ],
    max_errors: Annotated[int, Field(ge=1, le=200, description="Most errors to return.")] = 50,
) -> SchemaReport:
    """Check a JSON value against a JSON Schema and return every error with its place.

    A $ref may point inside the schema or to a published meta-schema; nothing is fetched.
    """
    verdict = await schemas.check(document, schema, limit=max_errors, seconds=SECONDS)
    if verdict.problem:
        raise ToolError(f"The schema cannot be used: {verdict.problem}. Correct it and try again.")
    return SchemaReport(
        valid=not verdict.violations,
        draft=verdict.draft,
        errors=[SchemaError(**violation._asdict()) for violation in verdict.violations],
        truncated=verdict.truncated,
    )


def _parse_body(content: bytes, content_type: str) -> tuple[Any, str | None]:
    """The body as JSON if it is (application/json, …+json), else as text."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return json.loads(content), None
        except (ValueError, RecursionError):
            pass  # cut off, or not what it says: shown as text
    return None, content.decode(errors="replace")
