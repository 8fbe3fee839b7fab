"""Input rounds of 2026-07-28 (SEP-2322): ask, come back with the answers, finish.

A body runs once per round. What it returns as `request_state` is sealed on its way out and
opened on its way in, on whichever replica the next round meets.
"""

from fastmcp import Context
from fastmcp.tools import tool
from mcp_types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)

from lab.conformance.everything.questions import question


def _sampling(text: str, max_tokens: int) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=TextContent(type="text", text=text))
    params = CreateMessageRequestParams(messages=[message], max_tokens=max_tokens)
    return CreateMessageRequest(params=params)


def _accepted(ctx: Context, key: str, field: str) -> object | None:
    """The value that the user gave for `field`, None if this round has no such answer."""
    answer = (ctx.input_responses or {}).get(key)
    if isinstance(answer, ElicitResult) and answer.action == "accept" and answer.content:
        return answer.content.get(field)
    return None


def _completion(ctx: Context, key: str) -> str | None:
    """The text that the client's model wrote for `key`, None if this round has none."""
    answer = (ctx.input_responses or {}).get(key)
    if isinstance(answer, CreateMessageResult) and isinstance(answer.content, TextContent):
        return answer.content.text
    return None


def _roots(ctx: Context, key: str) -> list[str] | None:
    """The client's roots for `key`, None if this round has none."""
    answer = (ctx.input_responses or {}).get(key)
    return [str(r.uri) for r in answer.roots] if isinstance(answer, ListRootsResult) else None


def _ask(state: str | None = None, **requests: InputRequest) -> InputRequiredResult:
    return InputRequiredResult(input_requests=requests, request_state=state)


@tool(output_schema=None)
def test_input_required_result_elicitation(ctx: Context) -> str | InputRequiredResult:
    """Ask the user's name and greet."""
    name = _accepted(ctx, "user_name", "name")
    if name is None:
        return _ask(user_name=question("What is your name?", name="string"))
    return f"Hello, {name}!"


@tool(output_schema=None)
def test_input_required_result_sampling(ctx: Context) -> str | InputRequiredResult:
    """Ask the client's model one question."""
    text = _completion(ctx, "capital_question")
    if text is None:
        return _ask(capital_question=_sampling("What is the capital of France?", 100))
    return f"LLM response: {text}"


@tool(output_schema=None)
def test_input_required_result_list_roots(ctx: Context) -> str | InputRequiredResult:
    """Ask the client for its roots."""
    roots = _roots(ctx, "client_roots")
    if roots is None:
        return _ask(client_roots=ListRootsRequest())
    return f"Roots: {', '.join(roots)}"


@tool(output_schema=None)
def test_input_required_result_request_state(ctx: Context) -> str | InputRequiredResult:
    """Ask for a confirmation and check that the state came back."""
    if ctx.request_state is None or _accepted(ctx, "confirm", "ok") is None:
        return _ask("waiting-for-ok", confirm=question("Please confirm", ok="boolean"))
    return "state-ok" if ctx.request_state == "waiting-for-ok" else "state-wrong"


@tool(output_schema=None)
def test_input_required_result_tampered_state(ctx: Context) -> str | InputRequiredResult:
    """Ask for a confirmation under a state that nobody may change."""
    if ctx.request_state is None or _accepted(ctx, "confirm", "ok") is None:
        return _ask("do-not-touch", confirm=question("Please confirm", ok="boolean"))
    return f"The state came back as {ctx.request_state}"


@tool(output_schema=None)
def test_input_required_result_multiple_inputs(ctx: Context) -> str | InputRequiredResult:
    """Ask the user, the model and the client for its roots in one round."""
    name = _accepted(ctx, "user_name", "name")
    greeting = _completion(ctx, "greeting")
    roots = _roots(ctx, "client_roots")
    if ctx.request_state is None or name is None or greeting is None or roots is None:
        return _ask(
            "waiting-for-three",
            user_name=question("What is your name?", name="string"),
            greeting=_sampling("Generate a greeting", 50),
            client_roots=ListRootsRequest(),
        )
    return f"{greeting} {name}, you have {len(roots)} root(s)."


@tool(output_schema=None)
def test_input_required_result_multi_round(ctx: Context) -> str | InputRequiredResult:
    """Ask for a name, then, remembering it in the state, for a colour."""
    step, _, name = (ctx.request_state or "").partition(":")
    colour = _accepted(ctx, "step2", "color")
    if step == "2" and colour is not None:
        return f"{name} likes {colour}."
    given = _accepted(ctx, "step1", "name") if step == "1" else None
    if given is not None or step == "2":
        ask = question("Step 2: What is your favorite color?", color="string")
        return _ask(f"2:{given or name}", step2=ask)
    return _ask("1:", step1=question("Step 1: What is your name?", name="string"))


@tool(output_schema=None)
def test_input_required_result_capabilities(ctx: Context) -> str | InputRequiredResult:
    """Ask only for what the client said it can do."""
    params = ctx.session.client_params
    can = params.capabilities if params else None
    requests: dict[str, InputRequest] = {}
    if can and can.sampling is not None:
        requests["greeting"] = _sampling("Generate a greeting", 50)
    if can and can.elicitation is not None:
        requests["user_name"] = question("What is your name?", name="string")
    if not requests or ctx.input_responses:
        return "Nothing to ask for"
    return InputRequiredResult(input_requests=requests)
