"""The log: one line an event, the request's id in each. ``MCP_LOG_FORMAT`` picks text or JSON.

The id travels in a context variable, so a tool's own ``logging`` calls carry it too.
"""

import json
import logging
import sys
import time
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="-")

# What a bare LogRecord has; whatever else is on a record was passed as `extra=` and is logged.
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


def configure(log_format: str, level: str, replica: str) -> None:
    """Sends every logger of the process to stderr in one format.

    Args:
        log_format: ``text`` or ``json``.
        level: least level, as logging names it in lower case.
        replica: this replica's name, told in every line.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter((_Json if log_format == "json" else _Text)(replica))
    handler.addFilter(_short_for_refusals)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    for chatty in ("mcp", "fastmcp", "httpx2", "sse_starlette", "aiosqlite"):
        # These tell of every request at INFO; our own line does that once.
        logging.getLogger(chatty).setLevel(
            max(logging.WARNING, logging.getLevelName(level.upper()))
        )


def _short_for_refusals(record: logging.LogRecord) -> bool:
    """A tool's own "no" (``ToolError``) is a line, not a traceback: nothing is broken."""
    from fastmcp.exceptions import FastMCPError

    if record.exc_info and isinstance(record.exc_info[1], FastMCPError):
        record.exc_info = None
    return True


def _is_news(record: logging.LogRecord) -> bool:
    """Not uvicorn's word after a failed start: the line before it says why, and once is enough."""
    return record.msg != "Application startup failed. Exiting."


class _Text(logging.Formatter):
    """``12:00:00.123 INFO  replica [id] what happened``, then a traceback if there is one."""

    def __init__(self, replica: str) -> None:
        super().__init__()
        self.replica = replica

    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        head = f"{clock}.{int(record.msecs):03d} {record.levelname:<7} {self.replica} [{request_id.get()}]"
        text = f"{head} {record.getMessage()}"
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        # Only an event begins at the margin: text that holds a caller's input cannot forge one.
        return text if text.isprintable() else "\n    ".join(text.splitlines())


class _Json(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, replica, request_id, message, extras."""

    def __init__(self, replica: str) -> None:
        super().__init__()
        self.replica = replica

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "replica": self.replica,
            "request_id": request_id.get(),
            "message": record.getMessage(),
        }
        line.update((k, v) for k, v in vars(record).items() if k not in _STANDARD)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)
