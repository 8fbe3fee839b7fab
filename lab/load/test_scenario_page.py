"""docs/load-scenarios.md shows a scenario and values that the load tester reads."""

from pathlib import Path

from mcp_swarm_load.traffic.scenario import read
from mcp_swarm_load.traffic.values import RandomSource

PAGE = (Path(__file__).parents[2] / "docs/load-scenarios.md").read_text()


def kinds(folder: Path, text: str):
    path = folder / "mine.yaml"
    path.write_text(text)
    return read(str(path)).kinds


def test_the_example_of_the_page_can_be_read(tmp_path):
    example = PAGE.split("```yaml\n")[1].split("```")[0]

    labels = [kind.label for kind in kinds(tmp_path, example)]
    assert labels == ["tools/call get_customer", "tools/list"]


def test_every_value_of_the_page_gives_an_argument(tmp_path):
    table = PAGE.split("## Values")[1].split("## Expectations")[0]
    values = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `!")]

    assert len(values) == 7
    for value in values:
        text = f"calls:\n  - tool: t\n    arguments:\n      it: {value}\n"
        params = kinds(tmp_path, text)[0].params
        assert params.draw(RandomSource(1))["arguments"]["it"] is not None
