"""A question to the client: the protocol's request, and the capability that it needs."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import mcp_types as types
from pydantic import BaseModel, ValidationError

from mcp_swarm.ask.answers import NotAnswered


@dataclass(frozen=True)
class Ability:
    """A client capability: its name, its form on the wire, and the check for it."""

    name: str
    capabilities: types.ClientCapabilities
    is_in: Callable[[types.ClientCapabilities], bool]


def _has_form(found: types.ClientCapabilities) -> bool:
    # 2025-11-25, client/elicitation: an empty object means form mode.
    return found.elicitation is not None and (
        found.elicitation.form is not None or found.elicitation.url is None
    )


def _has_url(found: types.ClientCapabilities) -> bool:
    return found.elicitation is not None and found.elicitation.url is not None


_FORM = types.ElicitationCapability(form=types.FormElicitationCapability())
_URL = types.ElicitationCapability(url=types.UrlElicitationCapability())

FORM = Ability("elicitation.form", types.ClientCapabilities(elicitation=_FORM), _has_form)
URL = Ability("elicitation.url", types.ClientCapabilities(elicitation=_URL), _has_url)
SAMPLING = Ability(
    "sampling",
    types.ClientCapabilities(sampling=types.SamplingCapability()),
    lambda found: found.sampling is not None,
)
ROOTS = Ability(
    "roots",
    types.ClientCapabilities(roots=types.RootsCapability()),
    lambda found: found.roots is not None,
)


@dataclass(frozen=True)
class Question:
    """A question.

    Attributes:
        key: its name, unique in the tool.
        request: the protocol's request, the same in every version.
        answer: the model of the client's result.
        ability: the capability that the client must have declared.
    """

    key: str
    request: types.InputRequest
    answer: type[BaseModel]
    ability: Ability

    @cached_property
    def digest(self) -> str:
        """A hash of the question: an answer counts only for exactly this question."""
        text = self.request.model_dump_json(
            by_alias=True, exclude_none=True, exclude={"params": {"elicitation_id"}}
        )
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def need(self, capabilities: types.ClientCapabilities | None) -> None:
        """Raises NotAnswered unless the client has the capability."""
        if capabilities is None or not self.ability.is_in(capabilities):
            raise NotAnswered(
                f"The question {self.key!r} needs a client with the capability "
                f"{self.ability.name!r}, which this client has not declared. "
                "Next: use a client that has it, or enable it there.",
                missing=self.ability.capabilities,
            )

    def read(self, result: Any) -> Any:
        """Returns the client's result as the protocol's model.

        Raises:
            NotAnswered: it does not fit the question.
        """
        try:
            return self.answer.model_validate(result)
        except ValidationError as error:
            raise NotAnswered(
                f"The answer to {self.key!r} is not a valid {self.answer.__name__}: {problems(error)}."
            ) from error


def problems(error: ValidationError) -> str:
    """Returns what is wrong with each field, without the values."""
    return "; ".join(
        f"{'.'.join(map(str, item['loc'])) or 'answer'}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False)
    )
