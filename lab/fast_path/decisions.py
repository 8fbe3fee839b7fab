"""In what a replica answers otherwise than FastMCP alone, and why."""

from typing import Any

from lab.fast_path.pair import Answer, Decision
from lab.fast_path.requests import Sent

# Tools that ask their client, and what FastMCP, which knows no limit for a call, would wait for.
ASKING = {"asks", "asks_here", "ask_in_a_session", "ask_a_model_in_a_session"}
NEVER_ENDS = {"sample://slow", "ponder"}


def decisions(auth: bool = False) -> list[Decision]:
    """In what we answer otherwise than FastMCP alone."""
    return [
        not_a_message(),
        unknown_resource(),
        Decision(
            "a wrong argument of a prompt or a template is the caller's mistake, and named",
            lambda _, one, other: code(one) == -32602 and code(other) == -32603,
        ),
        Decision(
            "the SDK does not say which parameter is wrong",
            lambda _, one, other: (
                one[:2] == other[:2]
                and "Invalid request parameters: " in str(one)
                and "Invalid request parameters" in str(other)
            ),
        ),
        Decision(
            "a lone surrogate, and an object that is no JSON, are sent as no client can use them",
            lambda sent, *_: _kind(sent) in {"surrogate", "object"},
        ),
        Decision(
            "what a prompt's function raises stays masked",
            lambda _, one, other: "hunter2" in str(other) and "hunter2" not in str(one),
        ),
        Decision(
            "a version, a content type or a doubled header is judged before the rest, in words",
            lambda sent, one, _: one[0] in (200, 400) and _is_about_a_header(sent),
        ),
        Decision(
            "a path with a slash at its end is served; FastMCP redirects",
            lambda sent, *_: sent.path == "/mcp/",
        ),
        Decision(
            "406 says what the server sends and which setting changes it; FastMCP's names neither",
            lambda _, one, other: one[0] in (200, 406) and other[0] == 406,
        ),
        *([Decision("401 says what to do", lambda _, *two: two[0][0] == two[1][0] == 401)] * auth),
        Decision(
            "a tool asks by `ask`, in both eras; who cannot be asked is told which setting helps",
            lambda sent, *_: sent.message.get("params", {}).get("name") in ASKING,
        ),
    ]


def decisions_on_methods() -> list[Decision]:
    """The same, of methods that `calls_of_everything` does not send."""
    return [
        not_a_message(),
        unknown_resource(),
        Decision(
            "events are told over `subscriptions/listen`, which FastMCP lacks; without a session "
            "an older client hears none, and one's log level would be everybody's (T3)",
            lambda _, one, other: _but_capabilities(one) == _but_capabilities(other) != one,
        ),
        Decision(
            "`logging/setLevel` without sessions is refused for the same reason",
            lambda sent, *_: sent.message["method"] == "logging/setLevel",
        ),
    ]


def _kind(sent: Sent) -> Any:
    return (sent.message.get("params", {}).get("arguments") or {}).get("kind")


def _is_about_a_header(sent: Sent) -> bool:
    odd = sent.what.partition(" | ")[2]
    return odd.startswith(("twice ", "mcp-protocol-version", "content-type"))


def not_a_message() -> Decision:
    return Decision(
        "what is no message is an invalid request, in words; the SDK takes a request whose id it "
        "cannot use for a notification, and has another code for older clients",
        lambda _, one, other: one[0] == 400 and code(one) == -32600 and other[0] in (200, 202, 400),
    )


def unknown_resource() -> Decision:
    return Decision(
        "an unknown resource has the code that the client's version gives it",
        lambda _, one, other: code(one) == -32002 and code(other) == -32602,
    )


def code(answer: Answer) -> int | None:
    """The error code in an answer."""
    body = answer[2] if isinstance(answer[2], dict) else {}
    found: int | None = body.get("error", {}).get("code")
    return found


def _but_capabilities(answer: Answer) -> Answer:
    """The same without them; as it is, if it tells none."""
    status, headers, body = answer
    text = body.get("result", {}) if isinstance(body, dict) else {}
    if "capabilities" not in text:
        return answer
    return status, headers, {**body, "result": {**text, "capabilities": {}}}
