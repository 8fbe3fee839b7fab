"""Messages about tasks, as a client sends them."""

from lab.mcp_wire import request, with_headers

EXTENSION = "io.modelcontextprotocol/tasks"


OPTED_IN = {
    "io.modelcontextprotocol/clientCapabilities": {
        "extensions": {EXTENSION: {}},
        "elicitation": {"form": {}},
    }
}


def as_task(tool, **arguments):
    """A `tools/call` of a client that knows tasks."""
    return request("tools/call", name=tool, arguments=arguments, _meta=OPTED_IN)


def about_task(method, task_id, **params):
    made = request(method, taskId=task_id, _meta=OPTED_IN, **params)
    return with_headers(made, Mcp_Name=task_id)
