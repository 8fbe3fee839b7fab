"""The folder that nothing leads out of, while it is being changed."""

import threading
import time

from mcp_swarm.sandbox import Sandbox, SandboxError


def test_a_link_swapped_in_while_reading_gains_nothing(tmp_path):
    """A folder that turns into a link and back all the time never shows what is behind the link."""
    tree = tmp_path / "root"
    inside, link = tree / "turning", tree / "link"
    inside.mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("SECRET")
    (inside / "secret.txt").write_text("harmless")
    link.symlink_to(tree.parent)
    stop = threading.Event()

    def turn() -> None:
        while not stop.is_set():
            for first, second in (("turning", "away"), ("link", "turning")):
                (tree / first).rename(tree / second)
            for first, second in (("turning", "link"), ("away", "turning")):
                (tree / first).rename(tree / second)

    turning = threading.Thread(target=turn)
    turning.start()
    seen: dict[str, int] = {}

    def raced() -> bool:
        return all(seen.get(state, 0) > 50 for state in ("harmless", "link"))

    try:
        sandbox = Sandbox(tree)
        until = time.monotonic() + 1.5
        while time.monotonic() < until or (not raced() and time.monotonic() < until + 20):
            try:
                content = sandbox.read("turning/secret.txt", max_bytes=100).decode()
            except SandboxError as error:
                content = "link" if "link" in str(error) else "absent"
            seen[content] = seen.get(content, 0) + 1
    finally:
        stop.set()
        turning.join()

    assert "SECRET" not in seen
    assert raced(), seen
