"""Serve packages of test tools with the project's own machinery, as a replica of its own.

    python -m lab.serve lab.sample.tools --without stream-closing

`--without` takes one protection away, so that its test has a control run that must fail.
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from mcp_swarm.process.startup import deferred_build

with deferred_build():  # as `python -m server` does
    from lab import unprotected
    from lab.sample.lists import CountLists
    from mcp_swarm import build, config, framework, serve, worker
    from mcp_swarm.asgi import body
    from mcp_swarm.asgi.crash import CrashMiddleware
    from mcp_swarm.asgi.disconnect import DisconnectMiddleware
    from mcp_swarm.asgi.request_id import RequestIdMiddleware
    from mcp_swarm.asgi.rpc_error import RpcErrorMiddleware
    from mcp_swarm.ask.request_state import SingleUse
    from mcp_swarm.calls.concurrency import ConcurrencyMiddleware
    from mcp_swarm.calls.timeout import CallTimeoutMiddleware
    from mcp_swarm.errors import EXIT_NOT_STARTED, McpSwarmError
    from mcp_swarm.fast_path import FastPathMiddleware
    from mcp_swarm.process.health import Health
    from mcp_swarm.telemetry import logs
    from mcp_swarm.telemetry.call_record import CallRecord


def nothing(*args: Any, **kwargs: Any) -> None:
    """What is put in the place of a protection."""


async def pass_on(self: Any, context: Any, call_next: Any, *_: Any) -> Any:
    return await call_next(context)


async def pass_on_asgi(self: Any, scope: Any, receive: Any, send: Any) -> None:
    await self.app(scope, receive, send)


def changed_scripts(*changes: tuple[str, str]) -> Callable[[], None]:
    """What sessions do in Redis, with parts of the scripts replaced."""

    def change() -> None:
        from mcp_swarm.redis import session_scripts, subscription_scripts
        from mcp_swarm.redis.pipeline import Script

        modules = (session_scripts, subscription_scripts)
        texts = {
            (module, name): found.text
            for module in modules
            for name, found in vars(module).items()
            if isinstance(found, Script)
        }
        for old, new in changes:
            if not any(old in text for text in texts.values()):
                raise LookupError(f"no script has {old!r} any more")
            texts = {name: text.replace(old, new) for name, text in texts.items()}
        for (module, name), text in texts.items():
            setattr(module, name, Script(text))

    return change


def impatient() -> None:
    """Sessions take a silent call for a dead one at once."""
    from mcp_swarm.redis.sessions import SessionStore
    from mcp_swarm.sessions import stream_reader

    read = SessionStore.read

    async def read_nobody_runs(self: Any, *asked: Any) -> Any:
        found = await read(self, *asked)
        return found and replace(found, running=False)

    stream_reader.SURE_AFTER = 0
    SessionStore.read = read_nobody_runs  # type: ignore[method-assign]


def changed(module: str, name: str, value: Any) -> Callable[[], None]:
    """Another value in a module that is not loaded before it is needed."""
    return lambda: setattr(import_module(module), name, value)


def calls_that_are_not_kept() -> None:
    """What calls of sessions say goes to their client, and nowhere else."""
    from mcp_swarm.redis.sessions import SessionStore

    async def saved(self: Any, *said: Any) -> bool:
        return True

    SessionStore.save = saved  # type: ignore[method-assign]


def plain_fastmcp(**options: Any) -> Callable[[], None]:
    """FastMCP with its own default for one of the options that we pass."""

    from mcp_swarm.app import App

    class Plain(App):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, **options})

    return lambda: setattr(build, "App", Plain)


def fastmcps_own_state_store() -> None:
    """What FastMCP recommends for several replicas."""
    from key_value.aio.stores.redis import RedisStore

    build._state_store = lambda settings, store: RedisStore(url=settings.redis_url)


def docket_without_kept_leases() -> None:
    """Docket's own worker, whose leases end with the drain (T11)."""
    from docket import Worker

    from mcp_swarm.framework import docket as framework_docket

    def own(docket: Any, silence: float, **options: Any) -> Worker:
        return Worker(docket, redelivery_timeout=timedelta(seconds=silence), **options)

    framework_docket.make_worker = own
    framework_docket.PLACE_KEPT = 1


def docket_without_kept_places() -> None:
    """What a lost job had of its tenant's share goes as soon as the job is held for lost."""
    from mcp_swarm.framework import docket as framework_docket

    framework_docket.keep_places, framework_docket.PLACE_KEPT = nothing, 1


def jobs_that_whoever_writes_last_ends() -> None:
    """A worker that was thought dead and is not writes what its run came to."""
    from mcp_swarm.redis import job_scripts

    fence = "if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], 'revision') ~= ARGV[2] then"
    if fence not in job_scripts.MOVE:
        raise LookupError(f"the script has {fence!r} no more")
    job_scripts.MOVE = job_scripts.MOVE.replace(fence, "if false then")


def jobs_of_other_releases_are_dropped() -> None:
    """As Docket does with a function that it does not know (T10)."""
    from mcp_swarm.jobs.runner import Runner

    async def drop(self: Any, job: Any) -> None:
        return None

    Runner._wait_for_its_release = drop  # type: ignore[method-assign]


def jobs_whose_end_nobody_hears() -> None:
    """A worker that hangs once it has written a job's end, before it tells anyone."""
    from mcp_swarm.jobs.runner import Runner

    end = Runner._end

    async def end_and_hang(self: Any, *args: Any, **kwargs: Any) -> None:
        async def hang(job_id: str) -> None:
            await asyncio.Event().wait()

        self._changed = hang
        await end(self, *args, **kwargs)

    Runner._end = end_and_hang  # type: ignore[method-assign]


def bodies_of_any_size() -> None:
    """Bodies are read whole, however large they are and whatever they hold."""
    for name in ("_take", "_refuse_by_head", "_refuse_by_start", "_refuse_by_content"):
        setattr(body._LongBody, name, nothing)


def fastmcp_alone() -> None:
    """Nothing of ours but the tools."""
    from lab.fast_path import alone

    globals()["run"] = alone.run


FORGOTTEN = ("reader[2] and reader[2] ~= 'direct' and 1 or 0}", "0}")
PROTECTIONS: dict[str, Callable[[], None]] = {
    "everything": fastmcp_alone,
    "isolation": unprotected.exceptions_that_escape,
    "part-supervision": lambda: setattr(Health, "lose", nothing),
    "loop-guard": unprotected.a_loop_that_any_task_can_end,
    "loop-watch": unprotected.a_loop_that_nobody_watches,
    "drain-switch": lambda: setattr(framework, "keep_streams_on_sigterm", nothing),
    "schema-lookup": lambda: setattr(framework, "set_schema_lookup", nothing),
    "log-level-refusal": lambda: setattr(framework, "refuse_log_level", nothing),
    "head-limit": changed("mcp_swarm.framework.limited_protocol", "MAX_HEAD", 1 << 40),
    "head-time": changed("mcp_swarm.framework.limited_protocol", "SECONDS", 3600.0),
    "connections": changed("mcp_swarm.framework.limited_protocol", "MAX_CONNECTIONS", 20),
    "body-limit": bodies_of_any_size,
    "body-time": lambda: setattr(body, "SECONDS", 3600.0),
    "body-budget": lambda: setattr(body.Budget, "take", nothing),
    "stream-closing": lambda: setattr(serve.Service, "close_streams", nothing),
    "listen-handler": lambda: setattr(framework, "serve_listen", nothing),
    "call-timeout": lambda: setattr(CallTimeoutMiddleware, "_limited", pass_on),
    "concurrency-limit": lambda: setattr(ConcurrencyMiddleware, "on_component", pass_on),
    "client-requests": lambda: setattr(framework, "wrap_client_requests", nothing),
    "paused-timeout": lambda: setattr(build, "timeout_paused", contextlib.nullcontext),
    "access-log-method": lambda: setattr(CallRecord, "asks_for", nothing),
    "request-id": lambda: setattr(RequestIdMiddleware, "__call__", pass_on_asgi),
    "fast-path": lambda: setattr(FastPathMiddleware, "__call__", pass_on_asgi),
    "disconnect": lambda: setattr(DisconnectMiddleware, "__call__", pass_on_asgi),
    "rpc-error": lambda: setattr(RpcErrorMiddleware, "__call__", pass_on_asgi),
    "crash-answer": lambda: setattr(CrashMiddleware, "__call__", pass_on_asgi),
    "state-merging": fastmcps_own_state_store,
    "single-use": lambda: setattr(SingleUse, "on_component", pass_on),
    "job-encryption": unprotected.jobs_in_clear,
    "json-payloads": unprotected.docket_with_pickles,
    "lease-keeping": docket_without_kept_leases,
    "slot-keeping": docket_without_kept_places,
    "job-fencing": jobs_that_whoever_writes_last_ends,
    "job-release": jobs_of_other_releases_are_dropped,
    "job-owner": changed("mcp_swarm.identity", "_hash", lambda *parts: "anyone"),
    "job-news": jobs_whose_end_nobody_hears,
    "one-reader": changed_scripts(
        ("if alive(reader[1]) then", "if false then"),
        FORGOTTEN,
        ("if redis.call('HGET', reader_key, 'token') ~= ARGV[4] then return nil end", ""),
        ("send(reader[1], 'kind', 'news'", "send_all('kind', 'news'"),
    ),
    "forgotten-cuts": changed_scripts(FORGOTTEN),
    "takeover-delay": impatient,
    "session-notices": changed_scripts(("append(id, data, ttl, most, uri)\n  elseif", "elseif")),
    "redis-timeout": changed("mcp_swarm.redis", "COMMAND_TIMEOUT", 3600),
    "quickness": changed("mcp_swarm.sessions.post", "QUICK", 3600),
    "access-retry": changed("mcp_swarm.redis.permissions", "REFUSES", 0),
    "saved-messages": calls_that_are_not_kept,
    "owner-check": changed_scripts(("or found[1] ~= ARGV[3]", "")),
    "one-takeover": changed_scripts(
        ("or call[4] or alive(call[1]) and call[5] ~= ARGV[5]", "or call[4]")
    ),
    "full-check": changed_scripts(("#!lua\n", ""), ("{bytes('used_memory')", "{0")),
    "subscription-shares": changed("mcp_swarm.isolation.shares", "check_kept", nothing),
    "masking": plain_fastmcp(mask_error_details=False),
    "strict-input": plain_fastmcp(strict_input_validation=False),
}


async def bug(request: Any) -> None:
    """A route that fails, as one of ours might."""
    raise RuntimeError("the password is hunter2")


async def loaded(request: Request) -> JSONResponse:
    """Which of ?names=a,b this process has imported."""
    return JSONResponse([n for n in request.query_params["names"].split(",") if n in sys.modules])


def run(settings: config.Settings, packages: Sequence[str], works: bool = False) -> int:
    """Serves `packages`, or runs their jobs, as `python -m server` does its own."""
    logs.configure(settings.mcp_log_format, settings.mcp_log_level, settings.mcp_replica)
    mcp = build.build_mcp(settings, packages)
    mcp.add_middleware(CountLists())
    mcp.custom_route("/bug", methods=["GET"])(bug)
    mcp.custom_route("/loaded", methods=["GET"])(loaded)
    if works:
        return worker.work(settings, mcp)
    return serve.serve(serve.build_app(settings, mcp))


def main(arguments: Sequence[str]) -> int:
    """Serves as `python -m server` does; the exit code is the same too."""
    parser = argparse.ArgumentParser()
    parser.add_argument("packages", nargs="*")
    parser.add_argument("--without", action="append", default=[], choices=sorted(PROTECTIONS))
    parser.add_argument("--worker", action="store_true")
    options = parser.parse_args(arguments)
    for name in options.without:
        PROTECTIONS[name]()
    try:
        return run(config.load(), options.packages, options.worker)
    except McpSwarmError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_NOT_STARTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
