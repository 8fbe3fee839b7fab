"""A job, its status for the caller, and its record in the store."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from mcp_swarm.jobs.encryption import RecordCipher

State = Literal["queued", "running", "input_required", "completed", "failed", "cancelled"]
FINAL: tuple[State, ...] = ("completed", "failed", "cancelled")
OPEN: tuple[State, ...] = ("queued", "running", "input_required")

# Fields that a finished job drops. A failed job keeps its call, if it is no larger than KEPT_CALL bytes
# of JSON, so that it can be queued again.
DROPPED: dict[str, Any] = {"call": None, "asked": None, "answers": None}
KEPT_CALL = 64 << 10

# Fields with a caller's data, which are encrypted.
ENCRYPTED = ("call", "message", "outcome", "asked", "answers")


@dataclass
class Job:
    """A call of a tool that runs in the background.

    Attributes:
        owner: hash of the caller that owns the job; it is hidden from everyone else.
        tenant: hash of the tenant whose share of the workers it uses.
        call: ``{"arguments": …, "caller": … or None}``.
        revision: fencing token: it grows with each new writer, and writes of an older one fail.
        starts: how often a worker started it. tries: how many of these failed. returns: how many
            ended in order, with a question or because the worker stopped. The others were lost.
        unknown_since: when a worker whose release lacks the tool first received it.
        beat: the worker's last heartbeat, in seconds since 1970, as all times here.
        progress, total: as the tool reported. message: the text with them.
        outcome: ``{"result": …}`` or ``{"error": {"code", "message", "data"}}``.
        asked: the input it waits for, key → ``{"name": the tool's key, "request": …}``.
        answers: the input it got, the tool's key → result; with ``state``, the tool's own state.
    """

    id: str
    tool: str
    owner: str
    tenant: str
    state: State = "queued"
    call: dict[str, Any] = field(default_factory=dict)
    revision: int = 0
    starts: int = 0
    tries: int = 0
    returns: int = 0
    unknown_since: float = 0
    created: float = 0
    updated: float = 0
    started: float = 0
    ended: float = 0
    beat: float = 0
    worker: str = ""
    progress: float | None = None
    total: float | None = None
    message: str | None = None
    outcome: dict[str, Any] | None = None
    asked: dict[str, Any] | None = None
    answers: dict[str, Any] | None = None

    @property
    def fraction(self) -> float | None:
        """The completed share, 0 to 1; None if the tool does not report it."""
        if self.state == "completed":
            return 1.0
        if self.progress is None or not self.total:
            return None
        return max(0.0, min(1.0, self.progress / self.total))

    @property
    def rate(self) -> float | None:
        """Units of progress per second since this run started."""
        seconds = (self.ended or self.updated) - self.started
        return self.progress / seconds if self.progress and seconds > 0 and self.started else None

    def remaining(self, usual: float | None) -> float | None:
        """Estimates the seconds to the end: from the progress, else from the `usual` duration."""
        if self.state in FINAL:
            return 0.0
        done = self.fraction
        if self.state == "running" and done and self.rate and self.total:
            return (1 - done) * self.total / self.rate
        if usual is None:
            return None
        running = time.time() - self.started if self.state == "running" else 0.0
        return max(0.0, usual - running)

    def status(self, usual: float | None = None) -> dict[str, Any]:
        """Returns what the owner may see, as JSON: all but the arguments and the result."""
        left = self.remaining(usual)
        failed = (self.outcome or {}).get("error")
        fields = {
            "job_id": self.id,
            "tool": self.tool,
            "state": self.state,
            "is_error": self.state == "failed" or self.is_error,
            "progress": self.progress,
            "total": self.total,
            "fraction": self.fraction,
            "rate": self.rate,
            "message": failed["message"] if failed else self.message,
            "created_at": stamp(self.created),
            "started_at": stamp(self.started),
            "updated_at": stamp(self.updated),
            "ended_at": stamp(self.ended),
            "starts": self.starts,
            "remaining_seconds": None if left is None else round(left, 1),
            "input_requests": self.input_requests(),
        }
        return {name: value for name, value in fields.items() if value is not None}

    @property
    def lost(self) -> int:
        """How often its worker was lost."""
        return self.starts - self.tries - self.returns

    @property
    def is_error(self) -> bool:
        """Whether the tool ran to its end and returned an error."""
        return bool(((self.outcome or {}).get("result") or {}).get("isError"))

    def input_requests(self) -> dict[str, Any] | None:
        """Returns the open questions to the user, by the key of their answer; None if there are none."""
        if self.state != "input_required":
            return None
        given = (self.answers or {}).get("given", {})
        asked = self.asked or {}
        return {key: one["request"] for key, one in asked.items() if one["name"] not in given}


def uri_of(job_id: str) -> str:
    """Returns the URI of the job's resource. Subscribers are notified at each change."""
    return f"job://{job_id}"


def stamp(seconds: float) -> str | None:
    """Returns the time in ISO 8601, UTC; None for 0."""
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else None


def to_fields(cipher: RecordCipher, job_id: str, **fields: Any) -> dict[str, Any]:
    """Returns the fields as the store keeps them. None becomes an empty string."""
    return {
        name: ""
        if value is None
        else cipher.encrypt(value, f"{job_id}/{name}")
        if name in ENCRYPTED
        else value
        for name, value in fields.items()
    }


def from_fields(cipher: RecordCipher, job_id: str, stored: dict[str, bytes]) -> Job:
    """Returns the job whose record has the fields `stored`.

    Raises:
        DecryptionError: an encrypted field cannot be decrypted.
    """
    kinds = {name: declared.type for name, declared in Job.__dataclass_fields__.items()}
    values: dict[str, Any] = {"id": job_id}
    for name, value in stored.items():
        if name not in kinds or not value:
            continue
        if name in ENCRYPTED:
            values[name] = cipher.decrypt(bytes(value), f"{job_id}/{name}")
        elif kinds[name] is int:
            values[name] = int(value)
        elif "float" in str(kinds[name]):
            values[name] = float(value)
        else:
            values[name] = value.decode()
    return Job(**values)
