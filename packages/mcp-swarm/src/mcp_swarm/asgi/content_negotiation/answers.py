"""Turns event streams into plain JSON responses, where possible or necessary."""

import json
import re
from typing import Any

from mcp.shared.inbound import ERROR_CODE_HTTP_STATUS
from mcp_types import INTERNAL_ERROR
from starlette.types import Message, Receive, Send

from mcp_swarm.errors import NO_STREAM
from mcp_swarm.framework.messages import UNANSWERED

_UNANSWERED = f": {UNANSWERED}".encode()  # the frame instead of a response
_END_OF_FRAME = re.compile(rb"\r\n\r\n|\n\n|\r\r")
# Headers that belong to a stream.
_OF_A_STREAM = {b"content-type", b"content-length", b"cache-control", b"x-accel-buffering"}


class Answer:
    """Passes on everything but event streams. Holds a stream back until its form is decided.

    Args:
        send: of the response.
        by_status: whether JSON-RPC errors have their own HTTP status, as with protocol 2026-07-28.
    """

    def __init__(self, send: Send, *, by_status: bool) -> None:
        self._send = send
        self._by_status = by_status
        self._start: Message | None = None  # of a stream that is held back
        self._answered = False
        self._buffer = b""

    def hears(self, receive: Receive) -> Receive:
        """Returns the request's `receive`. A subclass can read the request as it passes."""
        return receive

    async def __call__(self, message: Message) -> None:
        """Is the ASGI `send` of one response."""
        if message["type"] == "http.response.start" and _is_stream(message):
            self._start = message
        elif self._answered:
            return
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._buffer += message.get("body", b"")
            await self._judge(last=not message.get("more_body", False))

    async def _nothing(self) -> None:
        """Ends a request without a result: it was cancelled."""
        assert self._start is not None
        headers = [h for h in self._start["headers"] if h[0].lower() not in _OF_A_STREAM]
        headers.append((b"content-length", b"0"))
        self._answered = True
        await self._send({**self._start, "status": 202, "headers": headers})
        await self._send({"type": "http.response.body", "body": b""})

    async def _judge(self, *, last: bool) -> None:
        """Decides on the form, after each part of a stream that is held back; `last` ends it."""
        raise NotImplementedError

    def _next_frame(self) -> bytes | None:
        """Removes a whole frame from the buffer and returns it, if there is one."""
        if not (end := _END_OF_FRAME.search(self._buffer)):
            return None
        frame, self._buffer = self._buffer[: end.start()], self._buffer[end.end() :]
        return frame

    async def _in_json(self, body: dict[str, Any], status: int = 200) -> None:
        assert self._start is not None
        code = body.get("error", {}).get("code")
        if self._by_status:
            status = ERROR_CODE_HTTP_STATUS.get(code, status)
        content = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        headers = [h for h in self._start["headers"] if h[0].lower() not in _OF_A_STREAM]
        headers += [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
        ]
        self._answered = True
        await self._send({**self._start, "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": content})


class StreamIfUsed(Answer):
    """For clients that accept both: a stream whose first frame is the result becomes JSON."""

    async def _judge(self, *, last: bool) -> None:
        frame = self._next_frame()
        if frame is None and not last:
            return
        if frame == _UNANSWERED:
            await self._nothing()
            return
        body = _message(frame or b"")
        if frame and "method" not in body and body:
            await self._in_json(body)
            return
        start, self._start = self._start, None  # from here on the stream passes unchanged
        assert start is not None
        await self._send(start)
        rest = (frame + b"\r\n\r\n" if frame is not None else b"") + self._buffer
        await self._send({"type": "http.response.body", "body": rest, "more_body": not last})


class JsonOnly(Answer):
    """For clients that accept only JSON: the result, without the notifications before it."""

    _asked = b""

    def hears(self, receive: Receive) -> Receive:
        """Keeps the request, because an error of our own needs its id."""

        async def hear() -> Message:
            message = await receive()
            self._asked += message.get("body", b"")
            return message

        return hear

    async def _judge(self, *, last: bool) -> None:
        while (frame := self._next_frame()) is not None and not self._answered:
            if frame == _UNANSWERED:
                await self._nothing()
                return
            body = _message(frame)
            if body and "method" not in body:
                await self._in_json(body)
            elif "id" in body:  # the server asks the client, which cannot answer
                await self._fail(NO_STREAM, _CANNOT_ASK.format(**body))
        if last and not self._answered:
            await self._fail(INTERNAL_ERROR, "The call ended without a result", 500)

    async def _fail(self, code: int, message: str, status: int = 200) -> None:
        error = {"code": code, "message": message}
        request_id = json.loads(self._asked).get("id")
        await self._in_json({"jsonrpc": "2.0", "id": request_id, "error": error}, status)


_CANNOT_ASK = (
    "The call needs an answer of its client ({method}), which is asked over an event stream. Next: "
    "send Accept: application/json, text/event-stream."
)


def _is_stream(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in message.get("headers", ())
    )


def _message(frame: bytes) -> dict[str, Any]:
    """Returns the JSON-RPC message of a frame; empty for a comment, or an event without data."""
    data = [line[5:].strip() for line in frame.splitlines() if line.startswith(b"data:")]
    text = b"\n".join(data).strip()
    found: dict[str, Any] = json.loads(text) if text else {}
    return found
