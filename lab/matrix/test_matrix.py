"""Every cell of docs/capabilities.md, tried by a real client on real replicas."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.matrix.caller import SILENCE, TIMEOUT
from lab.matrix.cells import CELLS, cell
from lab.matrix.modes import Service
from lab.matrix.observation import Trial
from lab.matrix.probes import PROBES
from lab.mcp_wire import Era

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


@pytest.mark.parametrize(("capability", "era", "mode"), CELLS, ids=["-".join(c) for c in CELLS])
async def test_a_client_gets(
    capability: str, era: Era, mode: str, served: Callable[[str], Service], tmp_path: Path
) -> None:
    """What the page says, and where it gets less, is told which setting to change."""
    expected = cell(capability, era, mode)
    service = served(mode)
    timeout = TIMEOUT if expected.kind == "works" else SILENCE

    seen = await PROBES[capability](Trial(service, era, tmp_path, timeout))

    assert seen.kind == expected.kind, seen.text
    if expected.kind == "dropped" and expected.names:
        # Once a tool and replica, so it may have been told in another cell.
        assert re.search(f"WARNING .*{seen.text}.*{expected.names}", service.log)
    else:
        assert expected.names in seen.text
