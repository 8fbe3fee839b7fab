"""Writes every call of a run to a file of JSON lines (`--record`), and reads such a file.

The first line is the run's identity. Each call adds a line when it ends, with times in nanoseconds
since the run's start. The last line is the run's closing. Recording is cheap: a call costs one
formatted string, and a thread writes thousands of them at a time. Several processes append to one
file.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from mcp_swarm_load.measure.identity import SCHEMA
from mcp_swarm_load.measure.result import Result
from mcp_swarm_load.target.connection import Exchange

_CHUNK = 2_000
"""Number of lines that the writing thread receives at a time."""

_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


class RecordError(Exception):
    """A record cannot be written or read. The message says why and what was expected."""


@contextmanager
def recording(path: str | None, result: Result) -> Iterator[None]:
    """While entered, writes every call that is added to `result`. Raises RecordError."""
    if path is None:
        yield
        return
    recorder = Recorder(path, result)
    result.recorder = recorder
    try:
        yield
    finally:
        result.recorder = None
        recorder.close()


def begin(path: str, head: dict[str, Any]) -> None:
    """Overwrites the file with the run's identity. Raises RecordError."""
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(_line(head), encoding="utf-8")
    except OSError as error:
        raise RecordError(f"cannot write {path}: {error.strerror or error}") from error


def end(path: str, close: dict[str, Any]) -> None:
    """Appends the run's closing. Raises RecordError."""
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(_line({"closing": close}))
    except OSError as error:
        raise RecordError(f"cannot write {path}: {error.strerror or error}") from error


class Recorder:
    """Formats calls at once and writes them from its own thread."""

    def __init__(self, path: str, result: Result) -> None:
        self._path, self._result = path, result
        self._lines: list[str] = []
        self._texts: dict[bytes | str, str] = {}
        self._chunks: SimpleQueue[list[str]] = SimpleQueue()
        self._failed: OSError | None = None
        self._thread = threading.Thread(target=self._write, name="record", daemon=True)
        self._thread.start()

    def __call__(  # noqa: PLR0917  as Result.add, for speed by position
        self, exchange: Exchange, error: str, era: str, label: str, tenant: str, more: str = ""
    ) -> None:
        """Records one call. `more` is further JSON for the line and begins with a comma."""
        start = self._result.start
        texts = self._texts
        try:
            replica = texts[exchange.replica_raw]
            name = texts[label]
        except KeyError:
            replica = texts[exchange.replica_raw] = json.dumps(exchange.replica)
            name = texts[label] = json.dumps(label)
        sent: int | str = exchange.sent - start if exchange.sent else "null"
        first: int | str = exchange.first_byte - start if exchange.first_byte else "null"
        outcome = json.dumps(error) if error else '"ok"'
        if tenant:
            more = f',"tenant":{json.dumps(tenant)}{more}'
        lines = self._lines
        lines.append(
            f'{{"due":{exchange.due - start},"sent":{sent},"first":{first},'
            f'"done":{exchange.done - start},"status":{exchange.status},'
            f'"bytes":{len(exchange.body)},"replica":{replica},"era":"{era}","name":{name},'
            f'"outcome":{outcome}{more}}}\n'
        )
        if len(lines) >= _CHUNK:
            self._chunks.put(lines)
            self._lines = []

    def close(self) -> None:
        """Writes the remaining lines. Raises RecordError if a line could not be written."""
        self._chunks.put(self._lines)
        self._chunks.put([])
        self._thread.join()
        if self._failed is not None:
            raise RecordError(f"{self._path} is incomplete: {self._failed.strerror}")

    def _write(self) -> None:
        try:
            descriptor = os.open(self._path, _APPEND, 0o644)
        except OSError as error:
            self._failed = error
            return
        try:
            while lines := self._chunks.get():
                left = memoryview("".join(lines).encode())
                while left:
                    left = left[os.write(descriptor, left) :]
        except OSError as error:
            self._failed = error
        finally:
            os.close(descriptor)


def read(path: Path) -> tuple[dict[str, Any], Result, dict[str, Any] | None]:
    """Reads a recorded run: its identity, its result and its closing (None if it was killed).

    Raises RecordError.
    """
    result = Result(0)
    head: dict[str, Any] = {}
    close: dict[str, Any] | None = None
    number = 0
    try:
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                line = json.loads(text)
                if number == 1:
                    head = _checked(line, path)
                elif "closing" in line:
                    close = line["closing"]
                else:
                    _add(result, line)
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if close is None and number > 1 and isinstance(error, ValueError):
            return head, result, None  # the last line is incomplete
        raise RecordError(f"{path}, line {number} is not a line of a record: {error!r}") from error
    if not head:
        raise RecordError(f"{path} is empty: expected a run's JSON document or its record")
    return head, result, close


def _checked(line: dict[str, Any], path: Path) -> dict[str, Any]:
    if line.get("schema") != SCHEMA or "thresholds" not in line:
        raise RecordError(
            f"{path} is not the record of a run: expected schema {SCHEMA!r} in its first line"
        )
    return line


def _add(result: Result, line: dict[str, Any]) -> None:
    exchange = Exchange(line["due"])
    exchange.sent = line["sent"] or 0
    exchange.first_byte = line["first"] or 0
    exchange.done = line["done"]
    exchange.status = line["status"]
    exchange.replica_raw = line["replica"].encode()
    if line.get("extra"):
        result.add_extra(exchange)
        return
    outcome = line["outcome"]
    error = "" if outcome == "ok" else outcome
    result.add(exchange, error, line["era"], line["name"], line.get("tenant", ""))


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"
