"""The names of keys: an id is a hash tag, so that Redis Cluster keeps what is one thing's together."""

import pytest
from redis.crc import key_slot

from mcp_swarm.framework.sessions import rules_name
from mcp_swarm.redis.keys import key, of_state, tag


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("session:abc:_user", "s:state-of:c:session:{abc}:_user"),
        ("user:abc:_visibility_rules", "s:state-of:c:user:{abc}:_visibility_rules"),
        ("session:anon:id", "s:state-of:c:session:anon:{id}"),
        ("id:a:b", "s:state-of:c:{id}:a:b"),
    ],
)
def test_state_belongs_to_its_caller_or_session(name, expected):
    assert of_state("s", "c", name) == expected


def test_a_session_and_its_visibility_rules_are_on_one_node():
    rules = of_state("My service", *rules_name("id"))
    assert key_slot(rules.encode()) == key_slot(key("My service", "session", tag("id")).encode())
    assert key_slot(rules.encode()) != key_slot(key("My service", "session", "id").encode())
