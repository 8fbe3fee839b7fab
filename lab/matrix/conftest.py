"""Each mode is served once, when its first cell is tried."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from lab import valkey
from lab.matrix.modes import MODES, Service, serving


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Service]]:
    """The service of the mode of this name."""
    running: dict[str, Service] = {}
    with ExitStack() as stack:
        shared = stack.enter_context(valkey.serving(tmp_path_factory.mktemp("valkey")))

        def of(name: str) -> Service:
            if name not in running:
                folder = tmp_path_factory.mktemp(name)
                url = shared.url_of(f"matrix-{name}")
                running[name] = stack.enter_context(serving(MODES[name], folder, url))
            return running[name]

        yield of
