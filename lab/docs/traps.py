"""The traps of FastMCP and the SDK: the tests that close each, in packages/mcp-swarm/tests."""

# Each part of a trap has a test of its own.
TRAPS = {
    "T1": [
        "test_traps.py::test_a_call_lists_no_tools",
    ],
    "T2": [
        "calls/test_calls.py::test_in_json_mode_progress_is_dropped_and_the_result_is_right",
        "calls/test_dropped_messages.py::test_one_warning_a_tool_names_the_setting",
        "asgi/test_disconnect.py::test_a_client_of_2026_07_28_cancels_by_disconnecting",
    ],
    "T3": [
        "test_traps.py::test_one_clients_log_level_does_not_mute_another",
    ],
    "T4": [
        "process/test_graceful_stop.py::test_a_session_finishes_its_call_and_its_get_stream_ends_cleanly",
    ],
    "T5": [
        "process/test_graceful_stop.py::test_listen_is_acknowledged_told_and_ended_with_its_result",
    ],
    "T6": [
        "test_traps.py::test_no_event_store_is_used",
        "sessions/test_streams.py::test_a_cut_stream_goes_on_elsewhere_after_the_last_event",
    ],
    "T7": [
        "ask/test_input_rounds.py::test_a_round_begun_on_one_replica_finishes_on_another",
    ],
    "T8": [
        "jobs/test_one_process.py::test_an_error_marked_as_retryable_is_tried_again",
        "jobs/test_limits.py::test_a_job_over_its_limit_is_stopped_and_says_so",
    ],
    "T9": [
        "jobs/workers/test_workers.py::test_a_stopping_worker_finishes_its_jobs",
    ],
    "T10": [
        "jobs/workers/test_workers.py::test_a_tool_of_a_newer_release_waits_for_a_worker_that_has_it",
    ],
    "T11": [
        "jobs/workers/test_workers.py::test_a_stopping_worker_finishes_its_jobs",
    ],
    "T12": [
        "jobs/test_secrecy.py::test_neither_token_nor_argument_nor_result_lies_in_redis_in_clear",
        "jobs/test_secrecy.py::test_whoever_can_write_to_redis_can_run_nothing",
    ],
    "T13": [
        "jobs/test_one_process.py::test_what_a_job_logs_is_no_error",
    ],
    "T14": [
        "discovery/test_discovery.py::test_a_file_named_like_a_library_shadows_nothing",
        "discovery/test_discovery_errors.py::test_one_name_in_two_files_is_refused_with_both",
    ],
    "T15": [
        "test_traps.py::test_a_read_that_waits_for_news_ends_without_an_error",
    ],
    "T16": [
        "calls/test_calls.py::test_an_error_in_a_tool_is_masked",
        "calls/test_calls.py::test_input_is_strict",
    ],
    "T17": [
        "test_traps.py::test_a_dotenv_file_changes_nothing",
    ],
    "T18": [
        "asgi/test_edge.py::test_the_body_limit_holds_below_and_above_the_sdks_own",
        "sessions/test_unknown.py::test_in_memory_one_session_too_many_gets_an_error_with_the_limit",
    ],
    "T19": [
        "test_traps.py::test_no_answer_is_cached",
    ],
    "T20": [
        "test_traps.py::test_a_pinned_client_works_without_knowing_what_the_server_can",
    ],
    "T21": [
        "test_traps.py::test_a_traceback_in_the_log_is_plain",
    ],
    "T22": [
        "isolation/test_isolation.py::test_what_it_raises_is_answered_as_an_error_and_logged",
    ],
    "T23": [
        "isolation/test_lost_parts.py::test_a_replica_whose_sessions_have_ended_is_replaced",
    ],
    "T24": [
        "framework/test_odd_results.py::test_an_object_that_is_not_json_is_an_error",
    ],
    "T25": [
        "framework/test_odd_results.py::test_an_object_beside_a_log_message_ends_no_call",
    ],
}
