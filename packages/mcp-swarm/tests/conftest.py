"""Packages to discover."""

import importlib
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from lab.fixtures import *  # noqa: F403

_number = count()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """A package of its own that can be imported: `package({"a.py": source})` gives its name."""
    monkeypatch.syspath_prepend(tmp_path)
    made = []

    def make(files: dict[str, str], init: bool = True) -> str:
        name = f"dropped{next(_number)}"
        made.append(name)
        (tmp_path / name).mkdir()
        if init:
            files = {"__init__.py": "", **files}
        for path, source in files.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(source)
        importlib.invalidate_caches()
        return name

    yield make
    for name in [n for n in sys.modules if n.partition(".")[0] in made]:
        del sys.modules[name]
