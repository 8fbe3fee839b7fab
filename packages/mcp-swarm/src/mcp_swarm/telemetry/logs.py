"""The log: one line per event, with the request's id. ``MCP_LOG_FORMAT`` selects text or JSON.

The id is in a context variable, so the ``logging`` calls of tools have it too.
"""

import json
import logging
import sys
import time
import warnings
from contextlib import nullcontext
from contextvars import ContextVar
from typing import TextIO

request_id: ContextVar[str] = ContextVar("request_id", default="-")

_FASTMCP = "fastmcp.server.server"
_LONGEST_REASON = 1000  # characters
# The attributes of a bare LogRecord. All others were passed as `extra=` and are logged.
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


def configure(log_format: str, level: str, replica: str) -> None:
    """Sends every logger of the process to stderr in one format.

    Args:
        log_format: ``text`` or ``json``.
        level: minimum level, as logging names it, in lower case.
        replica: this replica's name, which is in every line.
    """
    from mcp.shared.exceptions import MCPDeprecationWarning

    # Turns off look-ups that neither format needs (Logging HOWTO, Optimization).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    setattr(logging, "_srcfile", None)  # noqa: B010 - its type says str
    handler = _Lines((_Json if log_format == "json" else _Text)(replica))
    handler.addFilter(_short_for_refusals)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    # The warning is meant for authors of SDKs; a tool's ``ctx.info`` still works.
    warnings.filterwarnings("ignore", category=MCPDeprecationWarning)
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    for chatty in ("mcp", "fastmcp", "httpx2", "sse_starlette", "aiosqlite"):
        # These log every request at INFO; the access log does that once.
        logging.getLogger(chatty).setLevel(
            max(logging.WARNING, logging.getLevelName(level.upper()))
        )


def _short_for_refusals(record: logging.LogRecord) -> bool:
    """Logs a ``ToolError``, which a tool raises on purpose, as one WARNING line with its reason.

    FastMCP logs it as an error, without the reason or with a traceback.
    """
    from fastmcp.exceptions import FastMCPError

    error = record.exc_info[1] if record.exc_info else None
    if error is None and record.name == _FASTMCP and record.getMessage().startswith("Error "):
        error = sys.exc_info()[1]  # which is being handled while it is logged
    if isinstance(error, FastMCPError):
        if error.__cause__ is None and record.levelno > logging.WARNING:
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        _name(record, str(error))
    elif error is not None and not record.exc_info:  # another service answered with an error
        _name(record, f"{type(error).__name__}: {error}")
    return True


def _name(record: logging.LogRecord, reason: str) -> None:
    """Appends the reason to the message, instead of a traceback."""
    words = " ".join(reason.split())[:_LONGEST_REASON]
    record.msg, record.args, record.exc_info = f"{record.getMessage()}: {words}", (), None


def _is_news(record: logging.LogRecord) -> bool:
    """Drops uvicorn's message after a failed start: the line before it gives the reason."""
    return record.msg != "Application startup failed. Exiting."


def event(logger: logging.Logger, level: int, message: str, fields: dict[str, object]) -> None:
    """Logs a line of `logger` with `fields`, at a third of the cost of ``logger.log``.

    If the handler of `configure` is the only one, no LogRecord is created.
    """
    if not logger.isEnabledFor(level):
        return
    listening = logging.getLogger().handlers
    handler = listening[0] if len(listening) == 1 else None
    if logger.handlers or not isinstance(handler, _Lines) or handler.level > level:
        logger.log(level, "%s", message, extra=fields)
        return
    handler.write(level, logger.name, message, fields)


class _Lines(logging.StreamHandler[TextIO]):
    """Writes lines to stderr: those of log records, and ready ones."""

    def __init__(self, lines: "_Text | _Json") -> None:
        super().__init__(sys.stderr)
        self.lines = lines
        self.setFormatter(lines)

    def write(self, level: int, name: str, message: str, fields: dict[str, object]) -> None:
        """Writes a line without a log record."""
        line = self.lines.line(time.time(), logging.getLevelName(level), name, message, fields)
        with self.lock or nullcontext():
            self.stream.write(line + self.terminator)
            self.flush()


class _Text(logging.Formatter):
    """``12:00:00.123 INFO  replica [id] what happened``, then a traceback if there is one."""

    def __init__(self, replica: str) -> None:
        super().__init__()
        self.replica = replica
        self._clock = 0, ""  # the second told last, and how

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return self.line(record.created, record.levelname, record.name, text, {})

    def line(
        self, created: float, level: str, name: str, message: str, fields: dict[str, object]
    ) -> str:
        """Returns the line of an event at `created` (seconds since 1970)."""
        second, clock = self._clock
        if int(created) != second:
            clock = time.strftime("%H:%M:%S", time.localtime(created))
            self._clock = int(created), clock
        milliseconds = int(created % 1 * 1000)
        head = f"{clock}.{milliseconds:03d} {level:<7} {self.replica} [{request_id.get()}]"
        text = f"{head} {message}"
        # Only events begin at the margin, so a caller's input cannot forge one.
        return text if text.isprintable() else "\n    ".join(text.splitlines())


class _Json(logging.Formatter):
    """One JSON object per line: time (UTC), level, logger, replica, request_id, message, extras."""

    def __init__(self, replica: str) -> None:
        super().__init__()
        self.replica = replica

    def format(self, record: logging.LogRecord) -> str:
        fields = {k: v for k, v in vars(record).items() if k not in _STANDARD}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        message = record.getMessage()
        return self.line(record.created, record.levelname, record.name, message, fields)

    def line(
        self, created: float, level: str, name: str, message: str, fields: dict[str, object]
    ) -> str:
        """Returns the line of an event at `created` (seconds since 1970)."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(created))
        line: dict[str, object] = {
            "time": f"{stamp}.{int(created % 1 * 1000):03d}Z",
            "level": level.lower(),
            "logger": name,
            "replica": self.replica,
            "request_id": request_id.get(),
            "message": message,
            **fields,
        }
        return json.dumps(line, default=str, ensure_ascii=False)
