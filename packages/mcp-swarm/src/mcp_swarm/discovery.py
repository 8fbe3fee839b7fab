"""Discovery: the server serves each Python file in a package at its next start.

FastMCP's FileSystemProvider only warns about a broken file, silently overwrites the first of two equal
names, and imports a module again under a second name. Here each of these stops the start.
"""

import importlib
import importlib.util
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from fastmcp import FastMCP
from fastmcp.decorators import get_fastmcp_meta
from fastmcp.prompts import Prompt
from fastmcp.prompts.function_prompt import PromptMeta
from fastmcp.resources import Resource, ResourceTemplate
from fastmcp.resources.function_resource import ResourceMeta
from fastmcp.tools import Tool
from fastmcp.tools.function_tool import ToolMeta

from mcp_swarm.errors import DiscoveryError

# What identifies a component: its kind, its name or URI, its version.
Identity = tuple[str, str, str]
Component = Tool | Resource | ResourceTemplate | Prompt


def chosen(packages: Sequence[str], only: Sequence[str]) -> dict[str, Sequence[str]]:
    """Returns which modules of each package to serve: package → `only` of ``discover``.

    Args:
        packages: dotted names; ``MCP_TOOLS`` selects from those called ``tools``, or from the first.
        only: the value of ``MCP_TOOLS``.

    Raises:
        DiscoveryError: `only` names a module that none of them has.
    """
    every: dict[str, Sequence[str]] = dict.fromkeys(packages, ("all",))
    if "all" in only:
        return every
    picked = [name for name in packages if name.rpartition(".")[2] == "tools"] or packages[:1]
    there = {name: _there(name) for name in picked}
    known = sorted(set().union(*there.values()))
    if missing := [name for name in only if name not in known]:
        has = f"{' and '.join(picked)} {'has' if len(picked) == 1 else 'have'} only"
        raise DiscoveryError(
            f"MCP_TOOLS names {missing[0]!r}, but {has}: {', '.join(known) or 'nothing'}."
        )
    return every | {name: [top for top in only if top in tops] for name, tops in there.items()}


def modules(package: str) -> Iterator[ModuleType]:
    """Imports the modules of `package`. A package that does not exist has none.

    Raises:
        DiscoveryError: a module fails to import, or a folder has no ``__init__.py``.
    """
    if folder := _folder(package):
        for name in _modules(folder, package):
            yield _import(name, package, folder)


def _there(package: str) -> set[str]:
    folder = _folder(package)
    return set(_tops(list(_modules(folder, package)), package).values()) if folder else set()


def discover(
    mcp: FastMCP,
    package: str,
    only: Sequence[str] = ("all",),
    seen: dict[Identity, str] | None = None,
) -> list[Component]:
    """Serves every tool, resource and prompt that `package`'s modules define.

    Args:
        mcp: the server to add to.
        package: dotted name; a package that does not exist has no modules.
        only: names of the top modules to serve, or ``all``.
        seen: the components of other packages and their files; this call adds its own.

    Returns:
        The components that were added.

    Raises:
        DiscoveryError: a module fails to import, a name is defined twice, a folder has no
            ``__init__.py``.
    """
    folder = _folder(package)
    if folder is None:
        return []
    seen = {} if seen is None else seen
    names = list(_modules(folder, package))
    if "all" not in only:
        names = [name for name, top in _tops(names, package).items() if top in only]
    added: list[Component] = []
    taken: set[int] = set()  # an object with two names, or imported from a sibling, is one
    for name in names:
        module = _import(name, package, folder)
        for component in _components(module):
            if id(component) not in taken:
                taken.add(id(component))
                added.append(_add(mcp, component, str(module.__file__), seen))
    return added


def _folder(package: str) -> Path | None:
    """Returns the folder of `package`, without importing it; None if it does not exist."""
    try:
        spec = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _modules(folder: Path, package: str) -> Iterator[str]:
    """Yields dotted names of the modules in `folder`, the deepest last, in the same order everywhere."""
    entries = sorted(os.scandir(folder), key=lambda entry: (entry.is_dir(), entry.name))
    files = [e for e in entries if e.is_file() and e.name.endswith(".py")]
    if files and not (folder / "__init__.py").exists():
        raise DiscoveryError(
            f"{folder} has {files[0].name} but no __init__.py, so its modules could shadow "
            f"others of the same name. Next: touch {folder / '__init__.py'}"
        )
    for entry in files:
        stem = entry.name.removesuffix(".py")
        if not stem.startswith("_"):
            if not stem.isidentifier():
                raise DiscoveryError(
                    f"{entry.path} cannot be imported: {stem!r} is not a Python name. "
                    f"Next: rename it to {stem.replace('-', '_')}.py"
                )
            yield f"{package}.{stem}"
    for entry in entries:
        if entry.is_dir() and not entry.name.startswith(("_", ".")):
            yield from _modules(Path(entry.path), f"{package}.{entry.name}")
    if files:
        yield package  # last, so that what its __init__.py imports counts for the module itself


def _tops(names: list[str], package: str) -> dict[str, str]:
    """Returns module → its name in ``MCP_TOOLS``; a package's own __init__.py has none."""
    own = {name: name.removeprefix(f"{package}.").partition(".")[0] for name in names}
    own.pop(package, None)
    return own


def _import(name: str, package: str, folder: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # a tool file may raise anything, or even exit
        file = folder.joinpath(*name.removeprefix(f"{package}.").split(".")).with_suffix(".py")
        reason = f"{type(error).__name__}: {error}"
        raise DiscoveryError(
            f"{_location(file, folder, error)} cannot be imported: {reason}. "
            "Next: correct the file, or move it out of the folder."
        ) from error


def _location(file: Path, folder: Path, error: BaseException) -> str:
    """Returns the file and line where the import of `file` failed: the deepest in `folder`."""
    own = f"{folder}{os.sep}"
    if isinstance(error, SyntaxError) and str(error.filename).startswith(own):
        return f"{error.filename}:{error.lineno}"
    place, trace = str(file), error.__traceback__
    while trace:
        if (ran := trace.tb_frame.f_code.co_filename).startswith(own):
            place = f"{ran}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _components(module: ModuleType) -> Iterator[Any]:
    """Yields what `module` itself defines: decorated functions and component objects."""
    for name, value in vars(module).items():
        if name.startswith("_"):
            continue
        if isinstance(value, (Tool, Resource, ResourceTemplate, Prompt)):
            yield value
        elif callable(value) and getattr(value, "__module__", None) == module.__name__:
            if isinstance(get_fastmcp_meta(value), (ToolMeta, ResourceMeta, PromptMeta)):
                yield value


def _add(mcp: FastMCP, component: Any, file: str, seen: dict[Identity, str]) -> Component:
    identity = _identity(component)
    kind, name, _version = identity
    if identity in seen:
        other = "twice in it" if seen[identity] == file else f"in {seen[identity]} too"
        raise DiscoveryError(
            f"{file}: the {kind} {name!r} is defined {other}; one would hide the other. "
            "Next: give one of them another name."
        )
    seen[identity] = file
    add: Callable[[Any], Component]
    if kind == "resource":
        is_template = isinstance(component, ResourceTemplate)
        add = mcp.add_template if is_template else mcp.add_resource
    else:
        add = mcp.add_tool if kind == "tool" else mcp.add_prompt
    try:
        return add(component)
    except Exception as error:  # FastMCP and pydantic raise many kinds for a bad signature
        raise DiscoveryError(
            f"{file}: the {kind} {name!r} cannot be served: {error}. Next: correct its signature."
        ) from error


def _identity(component: Any) -> Identity:
    meta = get_fastmcp_meta(component) or component
    version = str(meta.version or "")
    if isinstance(meta, (ResourceMeta, Resource)):
        return "resource", str(meta.uri), version
    if isinstance(meta, ResourceTemplate):
        return "resource", meta.uri_template, version
    kind = "tool" if isinstance(meta, (ToolMeta, Tool)) else "prompt"
    return kind, str(meta.name or component.__name__), version
