"""A path with a slash at its end is served like the one without, on every route and in every mode."""

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from lab.mcp_wire import ERAS, call, request, text, with_headers
from lab.modes import MODES, Served, serving
from lab.replica import SAMPLE
from mcp_swarm.asgi.trailing_slash import TrailingSlashMiddleware

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module", params=MODES)
def running(request, tmp_path_factory):
    with serving(request.param, tmp_path_factory.mktemp("slash"), SAMPLE) as made:
        yield request.param, made


@pytest.mark.parametrize("era", ERAS)
async def test_both_spellings_of_the_endpoint_are_served(running, http, era):
    """The method, the body and the query arrive; nobody is sent anywhere."""
    served = Served(*running, http)
    plain = served.replica.url
    served.replica = type("Slash", (), {"url": f"{plain}/?tenant=a"})()  # type: ignore[assignment]
    assert text(await served.post(era, call("add", era, a=1, b=2))) == "3"


async def test_both_spellings_of_the_stream_and_the_end_of_a_session_are_served(running, http):
    mode, replica = running
    if "sessions" not in mode:
        assert (await http.get(f"{replica.url}/")).status_code == 405
        return
    session = await Served(mode, replica, http).session()
    headers = {**session.headers, "Accept": "text/event-stream"}
    async with http.stream("GET", f"{replica.url}/", headers=headers) as stream:
        assert stream.status_code == 200
    assert (await http.delete(f"{replica.url}/", headers=session.headers)).status_code == 200
    made = with_headers(request("tools/list", "legacy"), **session.headers)
    assert (await http.post(replica.url, **made)).status_code == 404


async def test_both_spellings_of_the_other_routes_are_served(running, http):
    """And what does not exist does not exist with a slash either."""
    base = running[1].base
    for path in ("version", "healthz", "readyz"):
        one, other = [await http.get(f"{base}/{path}{end}") for end in ("", "/")]
        assert (one.status_code, one.content) == (other.status_code, other.content)
        assert other.status_code == 200
    for path in ("/", "/nothing/", "/version//", "//version"):
        assert (await http.get(f"{base}{path}")).status_code == 404, path


async def test_a_route_that_ends_in_a_slash_keeps_it():
    """A copy's own routes, and mounts with a page of their own."""

    async def path(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{request.scope['path']} {request.scope['raw_path'].decode()}")

    inner = Starlette(routes=[Route("/", path)])
    app = Starlette(
        routes=[Route("/hook/", path), Route("/plain", path), Mount("/pages", app=inner)]
    )
    app.router.redirect_slashes = False
    made = TrailingSlashMiddleware(app, routes=app.router.routes)
    transport = httpx2.ASGITransport(app=made)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        found = [(await client.get(p)).text for p in ("/hook/", "/plain/", "/pages/", "/hook")]
    assert found == ["/hook/ /hook/", "/plain /plain", "/pages/ /pages/", "Not Found"]
