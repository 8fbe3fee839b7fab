"""What a process is without one of its protections, so that a test has a control run that must fail.

Each folder of the library's tests has its own in `controls.py`: `CONTROLS`, by the name of what it
takes away. `lab.serve --without` and the fixture `replica(without=…)` take these names.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1] / "packages" / "mcp-swarm" / "tests"


def load() -> dict[str, Callable[[], None]]:
    """The controls of all folders.

    Raises:
        LookupError: two folders have one of the same name.
    """
    found: dict[str, Callable[[], None]] = {}
    for path in sorted(TESTS.glob("*/controls.py")):
        spec = spec_from_file_location(f"lab.controls_of_{path.parent.name}", path)
        assert spec and spec.loader
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        if twice := found.keys() & module.CONTROLS.keys():
            raise LookupError(f"{path.parent.name} has what another folder has: {sorted(twice)}")
        found |= module.CONTROLS
    return found


def nothing(*args: Any, **kwargs: Any) -> None:
    """What is put in the place of a protection."""


async def pass_on(self: Any, context: Any, call_next: Any, *_: Any) -> Any:
    """The same for a component middleware."""
    return await call_next(context)


async def pass_on_asgi(self: Any, scope: Any, receive: Any, send: Any) -> None:
    """The same for an HTTP middleware."""
    await self.app(scope, receive, send)


def changed(module: str, name: str, value: Any) -> Callable[[], None]:
    """Another value in a module that is not loaded before it is needed."""
    return lambda: setattr(import_module(module), name, value)


def changed_scripts(*changes: tuple[str, str]) -> Callable[[], None]:
    """What sessions do in Redis, with parts of the scripts replaced."""

    def change() -> None:
        from mcp_swarm.redis import session_scripts, subscription_scripts
        from mcp_swarm.redis.pipeline import Script

        modules = (session_scripts, subscription_scripts)
        texts = {
            (module, name): found.text
            for module in modules
            for name, found in vars(module).items()
            if isinstance(found, Script)
        }
        for old, new in changes:
            if not any(old in text for text in texts.values()):
                raise LookupError(f"no script has {old!r} any more")
            texts = {name: text.replace(old, new) for name, text in texts.items()}
        for (module, name), text in texts.items():
            setattr(module, name, Script(text))

    return change
