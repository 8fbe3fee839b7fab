"""Calls to other services that cannot be led astray, conversions, and schema checks."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator

import pytest

integrations = pytest.importorskip("server.tools.integrations")

from fastmcp.exceptions import ToolError

from server.core import http
from server.core.errors import ConfigError
from server.core.resilience.http import Client, Refused, Unreachable
from server.core.resilience.http.gate import Gate
from tests.examples import services
from tests.examples.services import Service, answers

PRIVATE = [
    *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255"),
    *("192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1"),
    *("198.51.100.7", "203.0.113.7", "240.0.0.1", "255.255.255.255", "192.0.0.8", "192.88.99.1"),
    *("::", "::1", "fe80::1", "fe80::1%1", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "100::1"),
    *("2606:4700::5efe:7f00:1", "fec0::1", "2001:10::1"),
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1"]


@pytest.fixture
def service() -> Iterator[Service]:
    with services.running() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Service]:
    with services.running() as running:
        yield running


@pytest.fixture(autouse=True)
async def close_client(monkeypatch):
    monkeypatch.setattr(integrations, "SCHEMA_SECONDS", 40)  # with the start of its worker
    yield
    await http.close()


# --- what may be called ---------------------------------------------------------------------


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_refused_whatever_its_spelling(address):
    """A listed name that resolves to it is refused: private, tunnelled, mapped, reserved."""
    gate = Gate.parse(["api.example"])

    with pytest.raises(Refused, match="not public"):
        gate.check_address(address, "api.example", 443)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_passes(address):
    """The check does not refuse everything."""
    Gate.parse(["api.example"]).check_address(address, "api.example", 443)


@pytest.mark.parametrize(
    ("entry", "host", "port", "passes"),
    [
        ("api.example", "api.example", 443, True),
        ("api.example", "API.Example.", 80, True),
        ("api.example", "api.example", 8443, False),
        ("api.example", "www.api.example", 443, False),
        ("api.example", "xapi.example", 443, False),
        ("api.example:8443", "api.example", 8443, True),
        ("api.example:8443", "api.example", 443, False),
        ("*.example", "a.example", 443, True),
        ("*.example", "a.b.example", 443, True),
        ("*.example", "example", 443, False),
        ("*.example", "aexample", 443, False),
        ("*.example", ".example", 443, False),
        ("*.example:444", "a.example", 444, True),
        ("10.0.0.7:9000", "10.0.0.7", 9000, True),
        ("10.0.0.7:9000", "10.0.0.7", 9001, False),
        ("[::1]:9000", "::1", 9000, True),
        ("[::1]:9000", "0:0:0:0:0:0:0:1", 9000, True),
        ("127.0.0.1", "2130706433", 80, False),
        ("127.0.0.1", "127.1", 80, False),
        ("10.0.0.0/8", "10.0.0.7", 80, False),
        ("bücher.example", "xn--bcher-kva.example", 443, True),
    ],
)
def test_what_an_entry_lets_through(entry, host, port, passes):
    """Names match whole, wildcards below the domain only, ports exactly."""
    gate = Gate.parse([entry])

    if passes:
        gate.check_host(host, port)
    else:
        with pytest.raises(Refused, match="MCP_OUTBOUND_HOSTS"):
            gate.check_host(host, port)


def test_an_address_or_network_in_the_list_is_consent():
    """An address with its port, or a network for listed names; nothing beside them."""
    gate = Gate.parse(["api.example:80", "10.0.0.7:9000", "10.0.1.0/24", "fd00::/8"])

    gate.check_address("10.0.0.7", "10.0.0.7", 9000)
    gate.check_address("10.0.1.200", "api.example", 80)
    gate.check_address("fd00::5", "api.example", 80)
    for address, port in (("10.0.0.7", 80), ("10.0.0.8", 9000), ("10.0.2.1", 80)):
        with pytest.raises(Refused):
            gate.check_address(address, "api.example", port)


@pytest.mark.parametrize(
    "entry",
    ["*", "*.", "http://api.example", "api.example/v1", "a b", "api.example:99999", "a:b:c"],
)
def test_a_wrong_entry_is_told(entry):
    """The error names the setting and the entry."""
    with pytest.raises(ConfigError, match="MCP_OUTBOUND_HOSTS has the entry"):
        Gate.parse([entry])


# --- calls ----------------------------------------------------------------------------------


async def test_nothing_may_be_called_by_default(service):
    """The error names the host, the port and the setting; nobody was asked."""
    with pytest.raises(ToolError, match=r"127.0.0.1.*Allowed are: none.*MCP_OUTBOUND_HOSTS"):
        await integrations.call_external_api(f"{service.url}/json")

    assert service.asked == []


async def test_an_allowed_service_answers(service, allow):
    """JSON is parsed, harmless headers are shown, the server's cookies are not."""
    allow(service.entry)

    answer = await integrations.call_external_api(
        f"{service.url}/json?a=1", method="POST", headers={"X-Trace": "7"}, body={"n": [1]}
    )

    assert (answer.status, answer.ok, answer.headers["etag"]) == (200, True, '"1"')
    assert "set-cookie" not in answer.headers
    asked = answer.data["asked"]
    assert (asked["method"], asked["path"], asked["body"]) == ("POST", "/json?a=1", '{"n": [1]}')
    assert asked["headers"]["content-type"] == "application/json"
    assert asked["headers"]["x-trace"] == "7"
    assert asked["headers"]["host"] == service.entry


async def test_no_cookie_is_kept_for_the_next_caller(service, allow):
    """One client serves all callers, so what a service sets must not come back."""
    allow(service.entry)

    for _ in range(2):
        await integrations.call_external_api(f"{service.url}/json")

    assert len(service.asked) == 2
    assert all("cookie" not in asked["headers"] for asked in service.asked)


@pytest.mark.parametrize("name", ["Authorization", "cookie", "HOST", "Content-Length", "X-API-Key"])
async def test_credentials_and_connection_headers_are_not_a_callers(service, allow, name):
    """They are refused by name, and nothing is sent."""
    allow(service.entry)

    with pytest.raises(ToolError, match=f"{name}.*may not be set"):
        await integrations.call_external_api(f"{service.url}/json", headers={name: "x"})
    assert service.asked == []


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00", "é"])
async def test_a_header_cannot_carry_another(service, allow, value):
    """Line breaks and what is not plain ASCII are refused, in values and in names."""
    allow(service.entry)

    for headers in ({"X-A": value}, {value: "x"}):
        with pytest.raises(ToolError, match="printable ASCII"):
            await integrations.call_external_api(f"{service.url}/json", headers=headers)
    assert service.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "127.0.0.1/x",
        "//127.0.0.1/x",
        "http:///x",
        "http://user:pass@127.0.0.1/",
        "http://127.0.0.1:99999/",
        "http://[::1",
        "",
    ],
)
async def test_only_plain_http_urls_are_called(allow, url):
    """Other schemes, no host, credentials and nonsense are refused."""
    allow("127.0.0.1")

    with pytest.raises(ToolError, match=r"URL|not allowed"):
        await integrations.call_external_api(url)


async def test_a_redirect_is_checked_like_the_first_url(service, other, allow):
    """Leading to a service not listed, to metadata, to a name for loopback: refused, not asked."""
    allow(service.entry)

    for target in (
        f"{other.url}/json",
        "http://169.254.169.254/latest/meta-data/",
        f"http://localhost:{other.port}/json",
        f"http://localhost:{service.port}/json",
        f"http://[::ffff:127.0.0.1]:{other.port}/json",
        f"http://user:pass@{service.entry}/json",
        "file:///etc/passwd",
        f"//{other.entry}/json",
    ):
        with pytest.raises(ToolError, match="redirects elsewhere"):
            await integrations.call_external_api(f"{service.url}/redirect?{target}")
    assert other.asked == []


async def test_a_listed_redirect_is_followed_without_the_callers_headers(service, other, allow):
    """Another origin gets no header that was meant for the first; the same origin does."""
    allow(service.entry, other.entry)

    same = await integrations.call_external_api(
        f"{service.url}/redirect?/json", headers={"X-Trace": "7"}
    )
    away = await integrations.call_external_api(
        f"{service.url}/redirect?{other.url}/json", headers={"X-Trace": "7"}
    )

    assert same.data["asked"]["headers"]["x-trace"] == "7"
    assert away.url == f"{other.url}/json"
    assert "x-trace" not in away.data["asked"]["headers"]


async def test_a_redirect_of_a_post_is_the_answer(service, other, allow):
    """A body is never sent to a second place."""
    allow(service.entry, other.entry)

    answer = await integrations.call_external_api(
        f"{service.url}/redirect?{other.url}/json", method="POST", body={"a": 1}
    )

    assert (answer.status, answer.headers["location"]) == (302, f"{other.url}/json")
    assert other.asked == []


async def test_redirects_end(service, allow):
    """A service that redirects to itself is left after five."""
    allow(service.entry)
    target = "/redirect?" * 8 + "/json"

    with pytest.raises(ToolError, match="More than 5 redirects"):
        await integrations.call_external_api(f"{service.url}{target}")
    assert len(service.asked) == 6


async def test_a_name_that_changes_its_address_is_checked_at_each_connection(service):
    """DNS rebinding: the address that was checked is the one connected to, and it is asked once."""
    resolver, asked = answers(["203.0.113.1"], ["127.0.0.1"], ["203.0.113.1", "127.0.0.1"])
    # The first address is let through by consent, to an address that nobody answers at.
    client = Client([f"api.example:{service.port}", "203.0.113.0/24"], resolver=resolver)
    url = f"http://api.example:{service.port}/json"

    with pytest.raises(Unreachable):
        await client.request("GET", url, seconds=0.3)
    assert asked == ["api.example"]  # once: a second answer would have been loopback
    for _ in range(2):  # loopback alone, then among others
        with pytest.raises(
            Refused, match=r"'api.example' resolves to an address that is not public"
        ):
            await client.request("GET", url, seconds=2)

    await client.close()
    assert service.asked == []


async def test_loopback_is_refused_by_the_systems_own_lookup(service, allow):
    """With no seam: localhost is listed, resolves to loopback, and is refused."""
    allow(f"localhost:{service.port}")

    with pytest.raises(ToolError, match="'localhost' resolves to an address that is not public"):
        await integrations.call_external_api(f"http://localhost:{service.port}/json")
    assert service.asked == []


async def test_tls_and_host_keep_the_name_while_the_address_is_fixed(tmp_path):
    """The certificate is checked for the name asked for, not for the address connected to."""
    server_tls, client_tls = services.certificate_for("api.example", tmp_path)
    names: list[str | None] = []
    server_tls.sni_callback = lambda _socket, name, _context: names.append(name)
    with services.running(server_tls) as service:
        resolver, _ = answers(["127.0.0.1"])
        allowed = ["*.example:" + str(service.port), "127.0.0.0/8"]
        client = Client(allowed, resolver=resolver, tls=client_tls)

        answer = await client.request("GET", f"https://api.example:{service.port}/json")
        with pytest.raises(Unreachable, match=r"(?i)certificate|hostname"):
            await client.request("GET", f"https://evil.example:{service.port}/json")
        with pytest.raises(Refused, match="leads from https"):
            plain = f"http://api.example:{service.port}/json"
            await client.request("GET", f"https://api.example:{service.port}/redirect?{plain}")
        await client.close()

    assert answer.status == 200
    assert names[:2] == ["api.example", "evil.example"]
    assert service.asked[0]["headers"]["host"] == f"api.example:{service.port}"
    assert all(asked["headers"]["host"].startswith("api.") for asked in service.asked)


async def test_the_time_limit_holds_for_the_whole_call(service, allow):
    """A service that does not answer, and one that drips, both end in time."""
    allow(service.entry)

    for path in ("slow?40", "drip"):
        began = time.monotonic()
        with pytest.raises(ToolError, match=r"did not answer within 0.4 s"):
            await integrations.call_external_api(f"{service.url}/{path}", timeout_seconds=0.4)
        assert time.monotonic() - began < 20


async def test_a_long_answer_is_cut(service, allow):
    """No more than max_bytes are returned, and the answer says so."""
    allow(service.entry)

    answer = await integrations.call_external_api(f"{service.url}/big?5000000", max_bytes=1000)
    whole = await integrations.call_external_api(f"{service.url}/big?1000", max_bytes=1000)

    assert (len(answer.text), answer.truncated) == (1000, True)
    assert (len(whole.text), whole.truncated) == (1000, False)


async def test_an_answer_without_end_is_left(service, allow):
    """Reading stops at max_bytes; the rest is neither kept nor waited for."""
    allow(service.entry)

    answer = await integrations.call_external_api(
        f"{service.url}/endless", max_bytes=1000, timeout_seconds=10
    )

    assert (len(answer.text), answer.truncated) == (1000, True)
    assert answer.milliseconds < 5000


async def test_a_packed_answer_is_refused(service, allow):
    """One kilobyte could be a gigabyte; it was not asked for."""
    allow(service.entry)

    with pytest.raises(ToolError, match="answers packed"):
        await integrations.call_external_api(f"{service.url}/packed")
    assert service.asked[0]["headers"]["accept-encoding"] == "identity"


async def test_an_error_status_and_odd_bodies_are_answers(service, allow):
    """404 is ok: false; text is text; JSON that is none is shown as text."""
    allow(service.entry)

    missing = await integrations.call_external_api(f"{service.url}/nothing")
    text = await integrations.call_external_api(f"{service.url}/text")
    broken = await integrations.call_external_api(f"{service.url}/brokenjson")
    head = await integrations.call_external_api(f"{service.url}/json", method="HEAD")

    assert (missing.status, missing.ok, missing.data) == (404, False, {})
    assert (text.data, text.text) == (None, "plain \ufffd")
    assert (broken.data, broken.text) == (None, '{"a": ')
    assert (head.status, head.text) == (200, "")


async def test_nobody_there_is_told(allow):
    """A closed port is one clear error."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    allow(f"127.0.0.1:{port}")

    with pytest.raises(ToolError, match="cannot be talked to"):
        await integrations.call_external_api(f"http://127.0.0.1:{port}/")


async def test_a_body_needs_a_method_that_takes_one(service, allow):
    """GET with a body is refused with what to do."""
    allow(service.entry)

    with pytest.raises(ToolError, match="GET takes no body"):
        await integrations.call_external_api(f"{service.url}/json", body={})


async def test_connections_are_used_again(service, allow):
    """Twenty calls together, then twenty more, need no more connections than callers."""
    allow(service.entry)

    for _ in range(2):
        calls = [integrations.call_external_api(f"{service.url}/json") for _ in range(20)]
        assert {answer.status for answer in await asyncio.gather(*calls)} == {200}
    assert len(service.asked) == 40


# --- conversion -----------------------------------------------------------------------------

RECORDS = [{"id": 1, "name": "Ä", "at": {"city": "X"}}, {"id": 2, "name": "b", "at": {"city": "Y"}}]


async def convert(data, source, target, **options):
    return await integrations.transform_data(data, source, target, **options)


@pytest.mark.parametrize("middle", ["json", "jsonl", "yaml"])
async def test_records_survive_a_round_trip(middle):
    """Through each format and back, nothing is lost or changed."""
    there = await convert(json.dumps(RECORDS), "json", middle)
    back = await convert(there.data, middle, "json")

    assert json.loads(back.data) == RECORDS
    assert there.records == 2


async def test_select_looks_inside_and_rename_follows():
    """CSV comes out in the order asked for, under the new names."""
    found = await convert(
        json.dumps(RECORDS),
        "json",
        "csv",
        select=["at.city", "id"],
        rename={"at.city": "city"},
    )

    assert found.data == "city,id\nX,1\nY,2\n"


async def test_csv_values_are_text():
    """What a spreadsheet wrote is not guessed at: 007 stays 007."""
    found = await convert('id,name\n007,"a\nb"\n', "csv", "json")

    assert json.loads(found.data) == [{"id": "007", "name": "a\nb"}]


async def test_a_formula_does_not_reach_a_spreadsheet():
    """Text that would run is marked; numbers, negative ones too, stay as they are."""
    data = json.dumps([{"a": "=1+1", "b": "@x", "c": "-5", "d": -5, "e": "+4", "f": "-x", "=g": 1}])

    marked = await convert(data, "json", "csv")
    plain = await convert(data, "json", "csv", escape_formulas=False)

    assert marked.data == "a,b,c,d,e,f,'=g\n'=1+1,'@x,-5,-5,+4,'-x,1\n"
    assert plain.data == "a,b,c,d,e,f,=g\n=1+1,@x,-5,-5,+4,-x,1\n"


async def test_toml_and_dates_become_plain_values():
    """Dates are ISO 8601 text, in TOML and in YAML."""
    toml = await convert("day = 2026-01-02\n[a]\nb = [1, 2]\n", "toml", "json")
    yaml = await convert("day: 2026-01-02\n1: x\n", "yaml", "json")

    assert json.loads(toml.data) == {"day": "2026-01-02", "a": {"b": [1, 2]}}
    assert json.loads(yaml.data) == {"day": "2026-01-02", "1": "x"}


LAUGHS = "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n"


@pytest.mark.parametrize(
    ("source", "target", "data", "message"),
    [
        ("json", "yaml", '{"a": ', "not json"),
        ("json", "yaml", '{"a": NaN}', "NaN is no JSON number"),
        ("json", "yaml", '{"a": 1e999}', "inf, which JSON cannot"),
        ("json", "yaml", "[" * 100_000, "nested deeper"),
        ("json", "yaml", "[" * 70 + "]" * 70, "nested deeper than 64"),
        ("json", "yaml", "1" * 5000, "not json"),
        ("jsonl", "json", '{"a": 1}\n{"a": \n', "line 2"),
        ("yaml", "json", LAUGHS, "anchor"),
        ("yaml", "json", "a: &x [*x]", "anchor"),
        ("yaml", "json", "[" * 100_000, "nested deeper"),
        ("yaml", "json", "!!python/object/apply:os.system ['true']", "not yaml"),
        ("yaml", "json", "a: !!binary aGk=", "binary"),
        ("yaml", "json", "a: b: c", "not yaml"),
        ("yaml", "json", "1: a\n'1': b", "same as text"),
        ("toml", "json", "a = ", "not toml"),
        ("csv", "json", "a,b\n1\n", "line 2 has 1 values, the header has 2"),
        ("csv", "json", "a,a\n1,2\n", "same name"),
        ("csv", "json", 'a\n"x', "line 2"),
        ("json", "csv", '{"a": 1}', "csv holds a list, but the data is one object"),
        ("json", "csv", "[1]", "record 1 is a number"),
        ("json", "csv", '[{"a": {"b": 1}}]', "flat, but record 1 has a object in 'a'"),
        ("json", "csv", json.dumps([{f"k{n}": 1} for n in range(5000)]), "mostly empty"),
        ("json", "json", "[" * 60 + "0," * 90_000 + "0" + "]" * 60, "at most 2,000,000"),
    ],
)
async def test_what_cannot_be_converted_is_told(source, target, data, message):
    """One clear error each; no bomb goes off, and no code runs."""
    began = time.monotonic()

    with pytest.raises(ToolError, match=message):
        await convert(data, source, target)
    assert time.monotonic() - began < 10


async def test_fields_that_nobody_has_are_told():
    """The error lists what there is."""
    for options in ({"select": ["nam"]}, {"rename": {"nam": "x"}}):
        with pytest.raises(ToolError, match=r"field 'nam'. There are: at, id, name"):
            await convert(json.dumps(RECORDS), "json", "json", **options)
    with pytest.raises(ToolError, match="same name"):
        await convert(json.dumps(RECORDS), "json", "json", rename={"id": "name"})
    with pytest.raises(ToolError, match="apply to objects"):
        await convert("[1]", "json", "json", select=["a"])


async def test_too_much_data_is_refused_by_the_servers_own_check(server):
    """The bound is in the schema, so that clients can see it."""
    async with server() as client:
        with pytest.raises(ToolError, match="at most 200000 characters"):
            await client.call_tool(
                "transform_data",
                {"data": "x" * 200_001, "source_format": "json", "target_format": "yaml"},
            )


# --- schema checks --------------------------------------------------------------------------


async def test_every_error_is_told_with_its_place():
    """All violations, not the first; places are JSON Pointers."""
    schema = {
        "type": "object",
        "required": ["id"],
        "properties": {
            "a/b": {"items": {"type": "integer", "minimum": 0}},
            "day": {"format": "date"},
        },
    }

    report = await integrations.validate_schema({"a/b": [1, "x", -1], "day": "soon"}, schema)

    places = sorted((error.pointer, error.keyword) for error in report.errors)
    assert places == [
        ("", "required"),
        ("/a~1b/1", "type"),
        ("/a~1b/2", "minimum"),
        ("/day", "format"),
    ]
    assert (report.valid, report.draft, report.truncated) == (False, "2020-12", False)


async def test_a_valid_document_is_valid_and_the_draft_is_the_schemas_own():
    """$schema picks the draft; without it 2020-12 holds."""
    draft7 = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "array"}

    report = await integrations.validate_schema([], draft7)

    assert (report.valid, report.draft, report.errors) == (True, "7", [])


async def test_errors_are_bounded():
    """No more than asked for, and the report says there are more."""
    report = await integrations.validate_schema(["x"] * 100, {"items": {"type": "null"}}, 3)

    assert (len(report.errors), report.truncated) == (3, True)


async def test_a_reference_is_never_fetched():
    """A $ref to a service is unresolvable, and nobody was asked; published ones are known."""
    with services.running() as service:
        with pytest.raises(ToolError, match=r"\$ref .*points to nothing inside"):
            await integrations.validate_schema(1, {"$ref": f"{service.url}/json"})
        asked = list(service.asked)

    meta = {"$ref": "https://json-schema.org/draft/2020-12/schema"}
    assert asked == []
    assert (await integrations.validate_schema({"type": "object"}, meta)).valid
    assert not (await integrations.validate_schema({"type": "objekt"}, meta)).valid


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "objekt"}, "at '/type'"),
        ({"pattern": "("}, "at '/pattern'"),
        ({"$ref": "#/x"}, "its \\$ref"),
    ],
)
async def test_a_schema_that_is_none_is_told(schema, message):
    """The error says where in the schema."""
    with pytest.raises(ToolError, match=message):
        await integrations.validate_schema("x", schema)


def doubling(levels: int) -> dict:
    """A schema of a few lines that takes two to the power of `levels` steps."""
    inner = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/d0", "$defs": {**inner, f"d{levels}": {"type": "string"}}}


@pytest.mark.parametrize(
    ("document", "schema"),
    [("a" * 40 + "!", {"pattern": "^(a+)+$"}), ("x", doubling(40))],
    ids=["regular expression", "references"],
)
async def test_a_schema_that_would_run_for_years_is_stopped(monkeypatch, document, schema):
    """The loop stays free meanwhile, the worker is gone, and the next check works."""
    await integrations.validate_schema(1, {})  # a worker is there, so that the limit is its own
    monkeypatch.setattr(integrations, "SCHEMA_SECONDS", 0.7)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    with pytest.raises(ToolError, match=r"stopped after 0.7 s"):
        await integrations.validate_schema(document, schema)
    ticking.cancel()
    assert ticks > 10

    monkeypatch.setattr(integrations, "SCHEMA_SECONDS", 20)
    assert (await integrations.validate_schema(1, {"type": "integer"})).valid


async def test_a_document_nested_too_deeply_is_told():
    """Deep recursion is an error, not a crash."""
    document: object = 1
    for _ in range(700):
        document = [document]

    with pytest.raises(ToolError, match="nested too deeply"):
        await integrations.validate_schema(document, {"items": {"$ref": "#"}})


async def test_schemas_are_checked_through_the_protocol(server):
    """Any JSON is a document; the report has an output schema."""
    async with server() as client:
        result = await client.call_tool(
            "validate_schema", {"document": [1, "x"], "schema": {"items": {"type": "integer"}}}
        )

    assert result.structured_content["errors"][0]["pointer"] == "/1"
