"""Private names of libraries that the framework package touches, by the file that tests them."""

ARGUMENTS = {
    "FunctionPrompt": {"_convert_string_arguments"},
    "fastmcp.tools.function_tool": {"_validate_input"},
}

MESSAGES = {
    "StreamableHTTPServerTransport": {
        "_check_content_type",
        "_create_error_response",
        "_create_event_data",
        "_create_json_response",
        "_terminate_unanswered_request",
        "_write_stream",
    },
}

REQUEST = {
    "FastMCP": {
        "_extensions",
        "_injected_tools",
        "_lifespan_result",
        "_lifespan_result_set",
        "_mask_error_details",
        "_mcp_server",
        "_rebind_prefab_tool_names",
        "_shared_context_snapshot",
        "_state_storage",
        "_transforms",
    },
    "LocalProvider": {"_components", "_transforms"},
    "ServerRunner": {"_make_context", "_serialize"},
    "RequestStateBoundary": {"_seal_result"},
    "FastMCPRequestContext": {"_srctx"},
    "RequestContext": {"_then"},
    "ToolResult": {"_raw_mcp_result"},
}

REQUEST_IMPORTS = {
    "fastmcp.server.context": {"_current_transport", "_ELICIT_MODERN_ERROR"},
    "fastmcp.server.dependencies": {"_is_client_tool_call"},
    "fastmcp.server.http": {"_current_http_request"},
    "fastmcp.server.mixins.mcp_operations": {"_normalize_call_tool_result"},
    "fastmcp.server.server": {"_component_auth_allows", "_validation_error_summary"},
    "fastmcp.tools.function_tool": {"_is_json_data", "_wrap_body_errors"},
    "fastmcp_tasks.components": {"_call_shape_probe"},
    "mcp.server": {"_streamable_http_modern"},
    "mcp.server._streamable_http_modern": {"_SingleExchangeDispatchContext"},
    "mcp.server.runner": {"_extract_meta"},
}

SESSIONS = {
    "FastMCP": {"_client_log_levels", "_mcp_server"},
    "ServerSession": {"_connection"},
    "StreamableHTTPSessionManager": {
        "_handle_stateful_request",
        "_lifespan_state",
        "_server_instances",
        "_session_owners",
    },
}

UPGRADE = {"HttpToolsProtocol": {"_unset_keepalive_if_required"}}

WIRE = {"fastmcp.tools.base": {"_serialize_to_jsonable", "_JSONABLE_ADAPTER"}}


# Attributes of libraries' modules and classes that the library sets, by its file. Each changes every user
# of the class in the process. Outside of `framework` it happens before FastMCP may be imported.
REPLACED = {
    "framework/__init__.py": {"Context.KEEPING"},
    "framework/arguments.py": {
        "FunctionPrompt.render",
        "FunctionResourceTemplate.read",
        "function_tool._validate_input",
    },
    "framework/conformance.py": {"Tool.convert_result"},
    "framework/docket.py": {
        "_concurrency._acquire_or_park",
        "docket._redis",
        "docket.worker.RedeliverySweep",
    },
    "framework/objects.py": {"ServerSession.send_log_message"},
    "process/startup.py": {"TypeAdapter._defer_build"},
    "telemetry/logs.py": {
        "logging._srcfile",
        "logging.logMultiprocessing",
        "logging.logProcesses",
        "logging.logThreads",
    },
}

# Private attributes of a library's class that a class of ours sets, by our class.
INHERITED = {"JobContext": {"_task_input_responses", "_task_request_state"}}
