"""Validates JSON against a JSON Schema, in a process with limits: see ``process_pool``.

A schema is a program: a regular expression, or references that double at each step, can run for years,
and nothing inside this process could stop it. A ``$ref`` is never fetched.
"""

import itertools
import json
from typing import Any, Final, NamedTuple

from mcp_swarm.process_pool import run

MAX_MESSAGE_CHARS: Final = 300
DRAFTS: Final = {
    "2020-12": "https://json-schema.org/draft/2020-12/schema",
    "2019-09": "https://json-schema.org/draft/2019-09/schema",
    "7": "http://json-schema.org/draft-07/schema#",
    "6": "http://json-schema.org/draft-06/schema#",
    "4": "http://json-schema.org/draft-04/schema#",
}


class Violation(NamedTuple):
    """A violation of the schema by the document. ``pointer`` is a JSON Pointer (RFC 6901)."""

    pointer: str
    keyword: str
    message: str


class Verdict(NamedTuple):
    """The result. If the schema itself is invalid, ``problem`` says why, and nothing was checked."""

    draft: str
    violations: list[Violation]
    truncated: bool
    problem: str | None


async def check(
    document: Any, schema: dict[str, Any] | bool, *, limit: int, seconds: float
) -> Verdict:
    """Returns the first ``limit`` violations of ``schema`` by ``document`` (both JSON values).

    Raises:
        Stopped: it took longer than ``seconds``, or too much memory.
    """
    try:
        asked = json.dumps([document, schema])  # text can be nested at any depth; pickles cannot
    except RecursionError:
        return Verdict("?", [], False, _TOO_DEEP)
    return await run(_check, asked, limit, seconds=seconds)


_TOO_DEEP: Final = "it or the document is nested too deeply"


def _check(asked: str, limit: int) -> Verdict:
    """Runs in the worker: `asked` is the document and the schema, as JSON."""
    from jsonschema import Draft202012Validator, exceptions, validators
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
    from referencing.exceptions import Unresolvable

    document, schema = json.loads(asked)
    kind: Any = validators.validator_for(schema, default=Draft202012Validator)
    draft = next((name for name, url in DRAFTS.items() if url == kind.META_SCHEMA["$schema"]), "?")
    try:
        kind.check_schema(schema)
        # This registry never fetches: it only has the published meta-schemas.
        checker = kind(schema, registry=REGISTRY, format_checker=kind.FORMAT_CHECKER)
        found = list(itertools.islice(checker.iter_errors(document), limit + 1))
    except exceptions.SchemaError as error:
        return Verdict(draft, [], False, f"at {_pointer(error.path)!r}: {_short(error.message)}")
    except Unresolvable as error:
        return Verdict(draft, [], False, f"its $ref {error.ref!r} points to nothing inside it")
    except RecursionError:
        return Verdict(draft, [], False, _TOO_DEEP)
    violations = [
        Violation(_pointer(error.absolute_path), str(error.validator), _short(error.message))
        for error in found[:limit]
    ]
    return Verdict(draft, violations, len(found) > limit, None)


def _pointer(path: Any) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _short(message: str) -> str:
    if len(message) <= MAX_MESSAGE_CHARS:
        return message
    half = MAX_MESSAGE_CHARS // 2
    return f"{message[:half]} … {message[-half:]}"
