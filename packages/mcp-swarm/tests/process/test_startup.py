"""The start: libraries' models that compile at first use are the same models."""

import json
import subprocess
import sys

import pytest
from pydantic import BaseModel, PydanticSchemaGenerationError, TypeAdapter
from pydantic_core import to_json

from lab.replica import ROOT
from mcp_swarm.process.startup import deferred_build

# All that can be seen of every model and adapter that our imports bring along.
SEEN = """
import json, sys
from contextlib import nullcontext
from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_json
from mcp_swarm.process.startup import deferred_build

def models(of=BaseModel):
    for one in of.__subclasses__():
        yield one
        yield from models(one)

def told(ask):
    try:
        return str(ask())
    except Exception as error:
        return f"{type(error).__name__}: {error}"

with deferred_build() if sys.argv[1] == "deferred" else nullcontext():
    import mcp_swarm.serve
found = {
    f"{m.__module__}.{m.__qualname__}": m for m in models() if not m.__pydantic_generic_metadata__["args"]
}
adapters = {
    f"{module}.{name}": value
    for module, loaded in sorted(sys.modules.items())
    for name, value in list(vars(loaded).items())
    if isinstance(value, TypeAdapter)
}
compiled = [name for name, m in found.items() if m.__pydantic_complete__]
compiled += [name for name, adapter in adapters.items() if adapter.pydantic_complete]
seen = {}
for name, model in found.items():
    seen[name] = [
        told(lambda: to_json({"nested": [model.model_construct()]})),
        told(lambda: model.model_validate({})),
        told(lambda: model.model_validate({"type": 5, "id": [], "name": {}, "method": "x", "params": 1})),
        told(lambda: json.dumps(model.model_json_schema(mode="validation"), sort_keys=True)),
        told(lambda: json.dumps(model.model_json_schema(mode="serialization"), sort_keys=True)),
    ]
for name, adapter in adapters.items():
    seen[name] = [
        told(lambda: adapter.validate_python({"method": "ping", "id": 1})),
        told(lambda: adapter.validate_json('"text"')),
        told(lambda: json.dumps(adapter.json_schema(), sort_keys=True)),
    ]
json.dump({"compiled": compiled, "seen": seen}, sys.stdout)
"""


def seen(how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SEEN, how], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.processes
@pytest.mark.timeout(200)
def test_deferred_models_are_the_same_models():
    """Schemas, errors and what is written, of all of them: first used here, or compiled before."""
    with seen("deferred") as one, seen("usual") as other:
        deferred, usual = json.load(one.stdout), json.load(other.stdout)
    assert len(deferred["seen"]) > 500
    assert deferred["seen"].keys() == usual["seen"].keys()
    for name, reported in usual["seen"].items():
        assert deferred["seen"][name] == reported, name
    # the control: it was another way, and it spares the start nearly all of them
    assert len(usual["compiled"]) > 0.9 * len(usual["seen"])
    assert len(deferred["compiled"]) < 0.1 * len(deferred["seen"]), deferred["compiled"]


def test_a_model_never_used_before_can_be_written_inside_another():
    """pydantic before 2.14 cannot (its issue 13647): then nothing may be deferred."""
    with deferred_build():

        class Inner(BaseModel):
            value: int

    class Outer(BaseModel):
        anything: object

    outer = Outer(anything=Inner.model_construct(value=1))
    assert not Inner.__pydantic_complete__
    assert to_json(outer) == b'{"anything":{"value":1}}'


def test_what_is_defined_afterwards_is_compiled_at_once():
    """A tool's broken model stops the start and not a call; so it is after an import that failed."""
    before = dict(BaseModel.model_config)
    with pytest.raises(ImportError), deferred_build():
        import no_such_library  # noqa: F401
    assert before == BaseModel.model_config

    with pytest.raises(PydanticSchemaGenerationError):

        class Broken(BaseModel):
            what: subprocess.Popen

    assert TypeAdapter(int | str).pydantic_complete


COLLECTS = """
import gc, sys
from mcp_swarm.cli.main import main
from mcp_swarm.process import drain
drain.DrainingServer.run = lambda self, sockets: print("collects:", gc.isenabled(), gc.get_freeze_count() > 100_000)
main([sys.argv[1]], 'server')
"""


@pytest.mark.processes
@pytest.mark.parametrize("command", ["serve", "worker"])
def test_the_garbage_collector_works_once_the_start_is_over(command):
    """It is off while modules are imported; and it leaves alone what they made."""
    ran = subprocess.run(
        [sys.executable, "-c", COLLECTS, command],
        cwd=ROOT,
        env={
            "MCP_PORT": "0",
            "MCP_HOST": "127.0.0.1",
            "REDIS_URL": "redis://127.0.0.1:1",
            "MCP_REQUEST_STATE_KEYS": "k" * 48,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "collects: True True" in ran.stdout, ran.stderr
