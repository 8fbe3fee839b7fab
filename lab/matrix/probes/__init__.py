"""One probe a capability: uses it as a client would, and tells what came of it."""

from collections.abc import Awaitable, Callable

from lab.matrix.observation import Seen, Trial
from lab.matrix.probes import asks, calls, events, state, streams, tasks

Probe = Callable[[Trial], Awaitable[Seen]]

# Capability → what tries it. The order is that of the page.
PROBES: dict[str, Probe] = {
    "tools": calls.tools,
    "resources": calls.resources,
    "prompts": calls.prompts,
    "plain HTTP client": calls.plain_http_client,
    "large results": calls.large_results,
    "logs": streams.logs,
    "progress": streams.progress,
    "streamed results": streams.streamed_results,
    "cancellation": streams.cancellation,
    "elicitation": asks.elicitation,
    "sampling": asks.sampling,
    "roots": asks.roots,
    "server and client at once": asks.at_once,
    "subscriptions": events.subscriptions,
    "list-changed": events.list_changed,
    "sessions": state.sessions,
    "state of a session": state.session_state,
    "state of a caller": state.caller_state,
    "state by an id": state.state_by_id,
    "resumption": state.resumption,
    "long tasks": tasks.long_tasks,
}
