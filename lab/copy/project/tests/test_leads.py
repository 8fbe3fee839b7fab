"""The service's own: tools, a job, setting, route and middleware, on a replica that serves them."""

import asyncio
import json
import urllib.error
import urllib.request

import pytest
from fastmcp import Client

OPEN = ("queued", "running")


def post(url, body, **headers):
    content = {"Content-Type": "application/json", **headers}
    return urllib.request.Request(url, json.dumps(body).encode(), content)


async def test_leads_are_kept_in_a_schema_of_their_own(replica, postgres_url):
    """Two replicas, one database."""
    one, two = (replica(DATABASE_URL=postgres_url) for _ in range(2))
    async with Client(one.url) as client:
        assert (await client.call_tool("add_lead", {"name": "Ada"})).data == 1
    async with Client(two.url) as client:
        assert (await client.call_tool("add_lead", {"name": "Bob"})).data == 2


async def test_the_crm_gets_its_token(replica, http_service, postgres_url, tmp_path):
    """From a file, as a Docker secret comes."""
    (tmp_path / "crm_token").write_text("of-the-crm\n")
    http_service.answers["/scores/Ada"] = {"score": 70}
    made = replica(
        DATABASE_URL=postgres_url,
        CRM_URL=http_service.url,
        CRM_TOKEN_FILE=tmp_path / "crm_token",
        MCP_OUTBOUND_HOSTS=http_service.host,
    )
    async with Client(made.url) as client:
        assert (await client.call_tool("score_lead", {"name": "Ada"})).data == 70
    assert "tool score_lead" in made.log
    assert http_service.received[0].headers["authorization"] == "Bearer of-the-crm"
    assert "of-the-crm" not in made.log


async def test_leads_are_scored_in_a_job(replica, http_service, postgres_url):
    """Without a Redis the replica runs its jobs itself."""
    http_service.answers |= {"/scores/Ada": {"score": 70}, "/scores/Bob": {"score": 20}}
    crm = {"CRM_URL": http_service.url, "CRM_TOKEN": "x", "MCP_OUTBOUND_HOSTS": http_service.host}
    call = {"tool": "score_all", "arguments": {"names": ["Ada", "Bob"]}}
    async with Client(replica(DATABASE_URL=postgres_url, **crm).url) as client:
        job = (await client.call_tool("submit_job", call)).data["job_id"]
        for _ in range(300):
            if (await client.call_tool("job_status", {"job_id": job})).data["state"] not in OPEN:
                break
            await asyncio.sleep(0.1)
        assert (await client.call_tool("job_result", {"job_id": job})).data == 90


def test_the_webhook_needs_a_token_and_the_page_does_not(replica, postgres_url):
    """A route is as protected as /mcp is, unless it says that it is public."""
    made = replica(AUTH_ENABLED="true", AUTH_TOKEN="of-a-caller", DATABASE_URL=postgres_url)
    webhook, change = f"{made.base}/webhooks/crm", {"lead": 7}
    with pytest.raises(urllib.error.HTTPError, match="401") as refused:
        urllib.request.urlopen(post(webhook, change), timeout=10)
    refused.value.close()
    allowed = post(webhook, change, Authorization="Bearer of-a-caller")
    with urllib.request.urlopen(allowed, timeout=10) as answer:
        assert (answer.status, json.load(answer)) == (202, {"seen": 7})
    with urllib.request.urlopen(f"{made.base}/about", timeout=10) as answer:
        assert json.load(answer) == {"service": "acme-crm"}
        assert answer.headers["X-Region"] == "north"
