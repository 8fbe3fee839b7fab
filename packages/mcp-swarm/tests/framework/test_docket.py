"""The private seams of Docket and FastMCP's task package that background work relies on.

An upgrade that moves one fails here, with its name, before it fails anywhere else.
"""

import ast
import inspect
import re
import sys
from datetime import timedelta
from pathlib import Path

import docket
import docket._redelivery
import docket._redis
import docket.dependencies._concurrency
import docket.docket
import docket.worker
import pytest
from fastmcp.server import dependencies
from fastmcp_tasks import components, wire_production

from mcp_swarm.framework import docket as framework_docket

SEAMS = {
    docket.Docket: {"_redis", "worker_group_name", "stream_key", "redis"},
    docket.Worker: {"_renew_leases", "_worker_stopping", "_tasks_by_key", "_processing_session"},
    docket._redelivery.RedeliverySweep: {"min_idle_time", "interval"},
    docket.dependencies._concurrency: {"_acquire_or_park"},
    docket._redis.RedisConnection: {"_connection_pool_from_url"},
}


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner, names in SEAMS.items() for name in sorted(names)]
)
def test_docket_has(owner, name):
    """As a method, or as something that its source sets."""
    source = inspect.getsource(owner)
    assert hasattr(owner, name) or f"self.{name} " in source or f"self.{name}:" in source, (
        f"{owner.__name__}.{name} has moved"
    )


def test_lease_renewal_is_called_as_we_override_it():
    """T11: with the connection and the messages in hand."""
    theirs = inspect.signature(docket.Worker._renew_leases)
    assert list(theirs.parameters) == ["self", "redis", "active_messages"]
    assert "self._renew_leases(redis, active_tasks)" in inspect.getsource(docket.Worker)
    wanted = {"stream_key", "group_name", "consumer_name", "message_ids"}
    assert wanted <= set(inspect.signature(docket._redelivery.renew_leases).parameters)


def test_a_lost_job_is_delivered_while_its_place_in_its_tenants_share_is_kept():
    """Docket keeps the place for a timeout since it was renewed, four times in each."""
    assert "RedeliverySweep(" in inspect.getsource(docket.Worker)
    limit = inspect.getsource(docket.ConcurrencyLimit)
    assert "stale_threshold = current_time - redelivery_timeout.total_seconds()" in limit
    assert "result = await _acquire_or_park(" in limit
    script = (Path(docket.__file__).parent / "lua" / "acquire_or_park.lua").read_text()
    assert "if is_redelivery and slot_time <= stale_threshold then" in script
    timeout = framework_docket.PLACE_KEPT * timedelta(seconds=10)
    kept = timeout - timeout / docket.dependencies._concurrency.LEASE_RENEWAL_FACTOR

    def delivered_by(make):
        options = {"worker_name": "w", "redelivery_timeout": timeout, "message_batch": 1}
        sweep = make(docket.Docket("d"), **options)
        return timedelta(milliseconds=sweep.min_idle_time), timedelta(seconds=sweep.interval)

    framework_docket.load()
    idle, pause = delivered_by(docket.worker.RedeliverySweep)
    assert idle == timedelta(seconds=10)
    assert idle + pause * docket._redelivery.JITTER[1] < kept
    idle, pause = delivered_by(docket._redelivery.RedeliverySweep)  # the control: their own
    assert idle > kept


def test_nothing_of_docket_reads_a_pickle_from_redis():
    """T12: every module that names cloudpickle is given Json, but for one function we never call."""
    framework_docket.load()
    folder = Path(docket.__file__).parent
    naming = {
        f"docket.{path.stem}"
        for path in folder.glob("*.py")
        if re.search(r"cloudpickle\.(loads|dumps)", path.read_text())
    }
    given = {
        name
        for name in naming
        if getattr(sys.modules[name], "cloudpickle", None) is framework_docket.Json
    }
    assert naming - given == {"docket.docket"}
    only = inspect.getsource(docket.Docket.get_execution)
    whole = inspect.getsource(docket.docket)
    assert only.count("cloudpickle.") == whole.count("cloudpickle.")
    users = [path.name for path in folder.glob("*.py") if "get_execution(" in path.read_text()]
    assert users == ["docket.py"], "it was called nowhere, and stood in its own docstring only"


def test_fastmcp_still_lacks_what_we_add():
    """The wrap of the SDK's serializer, the check of arguments, whose call it is."""
    assert callable(wire_production.install)
    assert list(inspect.signature(components._call_shape_probe).parameters) == ["fn"]
    assert callable(dependencies._is_client_tool_call)


def test_every_private_name_in_docket_parts_is_checked_here():
    """The table above is complete."""
    tree = ast.parse(Path(framework_docket.__file__).read_text())
    touched = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr)
    }
    assert touched <= set().union(*SEAMS.values())
