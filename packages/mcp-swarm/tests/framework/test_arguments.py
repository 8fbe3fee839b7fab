"""What `arguments.py` replaces of FastMCP's prompts, resource templates and tools."""

import inspect

import pytest
from fastmcp.exceptions import ValidationError
from fastmcp.prompts.function_prompt import FunctionPrompt
from fastmcp.resources.template import FunctionResourceTemplate
from fastmcp.tools import function_tool
from pydantic import BaseModel

from mcp_swarm import framework
from mcp_swarm.framework import arguments


@pytest.mark.parametrize(
    ("kind", "name", "ours"),
    [
        (FunctionPrompt, "render", arguments._render),
        (FunctionResourceTemplate, "read", arguments._read),
    ],
)
def test_fastmcp_calls_them_with(kind, name, ours):
    framework.prepare()
    assert getattr(kind, name) is ours
    base = next(b for b in kind.__mro__[1:] if name in vars(b))
    assert list(inspect.signature(vars(base)[name]).parameters) == list(
        inspect.signature(ours).parameters
    )


def test_fastmcp_validates_tools_with():
    """Only in strict mode is JSON made of the arguments again, and that is what can fail."""
    source = inspect.getsource(function_tool.FunctionTool)
    assert source.count("_validate_input, type_adapter, arguments, strict=strict") == 1
    assert source.count("_validate_input(type_adapter, arguments, strict=strict)") == 2
    framework.prepare()
    assert function_tool._validate_input is arguments.validate_input


def test_fastmcp_names_the_argument_that_it_cannot_convert():
    source = inspect.getsource(FunctionPrompt._convert_string_arguments)
    assert "raise PromptError(" in source
    assert ") from e" in source


class Town(BaseModel):
    people: int


async def test_what_the_function_itself_cannot_validate_is_not_the_callers_mistake():
    """Its own error, as it raised it, by FastMCP's name for it."""

    def town(name: str) -> str:
        return str(Town.model_validate({"people": name}))

    framework.prepare()
    prompt = FunctionPrompt.from_function(town)
    template = FunctionResourceTemplate.from_function(town, "town://{name}")
    for call in (prompt.render({"name": "many"}), template.read({"name": "many"})):
        with pytest.raises(Exception, match="valid integer") as raised:
            await call
        assert not isinstance(raised.value, ValidationError)
