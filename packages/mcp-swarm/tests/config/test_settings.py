"""Settings: read from the environment and from files, told clearly when they are wrong."""

import socket
import subprocess
import sys
import warnings

import pytest

from lab.replica import ROOT
from mcp_swarm import config
from mcp_swarm.config.names import check_names
from mcp_swarm.errors import ConfigError

KEY = "k" * 32


@pytest.fixture
def load(monkeypatch):
    """Loads settings from nothing but the variables given."""
    for name in list(config.os.environ):
        if name.startswith(("MCP_", "AUTH_", "REDIS_", "DATABASE_", "FILES_")):
            monkeypatch.delenv(name)

    def load_with(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        config._load.cache_clear()
        return config.load()

    yield load_with
    config._load.cache_clear()


def refusal(load, **variables):
    with pytest.raises(ConfigError) as caught:
        load(**variables)
    return str(caught.value)


def test_defaults_need_no_environment(load):
    """A laptop has none of our variables; the replica is named after the host."""
    settings = load()
    assert settings.mcp_port == 8000
    assert settings.mcp_replica == socket.gethostname()
    assert (settings.mcp_stateless_http, settings.mcp_json_response) == (True, True)
    assert not settings.is_shared


def test_a_setting_reads_from_the_file_that_name_file_names(load, tmp_path):
    """A Docker secret ends with a line break that is no part of it."""
    (tmp_path / "token").write_text("  a-token\n")
    settings = load(AUTH_ENABLED="true", AUTH_TOKEN_FILE=tmp_path / "token")
    assert settings.auth_token.get_secret_value() == "a-token"


@pytest.mark.parametrize("name", sorted(config.Settings.model_fields))
def test_every_setting_can_come_from_a_file(load, tmp_path, name):
    """The source knows them all: an unusable path is told with the variable's own name."""
    message = refusal(load, **{f"{name.upper()}_FILE": tmp_path / "nowhere"})
    assert f"{name.upper()}_FILE" in message
    assert "nowhere" in message


def test_a_value_and_a_file_for_one_setting_are_refused(load, tmp_path):
    """Nobody can tell which was meant."""
    (tmp_path / "name").write_text("from-file")
    message = refusal(load, MCP_NAME="from-environment", MCP_NAME_FILE=tmp_path / "name")
    assert message == "MCP_NAME and MCP_NAME_FILE are both set. Keep one of them."


def test_an_empty_variable_beside_a_file_counts_as_none(load, tmp_path):
    """Stack files pass variables on empty."""
    (tmp_path / "name").write_text("from-file")
    assert load(MCP_NAME="", MCP_NAME_FILE=tmp_path / "name").mcp_name == "from-file"


def test_a_file_that_is_not_text_is_refused_without_its_content(load, tmp_path):
    """A binary key by mistake must not end up in the log."""
    (tmp_path / "key").write_bytes(b"canary\xff\xfe" * 8)
    message = refusal(load, MCP_REQUEST_STATE_KEYS_FILE=tmp_path / "key")
    assert "not text" in message
    assert "canary" not in message


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("MCP_PROT", "MCP_PORT"),
        ("MCP_HOSTS", "MCP_HOST"),
        ("MCP_JSON_RESPONSES", "MCP_JSON_RESPONSE"),
        ("MCP_REQUEST_STATE_KEY", "MCP_REQUEST_STATE_KEYS"),
        ("mcp_nam", "MCP_NAME"),
        ("MCP_REQUEST_STATE_KEY_FILE", "MCP_REQUEST_STATE_KEYS_FILE"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_right_one(load, wrong, right):
    """A setting that silently does nothing costs hours."""
    assert refusal(load, **{wrong: "1"}) == f"{wrong} is not a setting. Did you mean {right}?"


def test_another_unknown_mcp_name_is_warned_of(load):
    """It may belong to another program on the machine."""
    with pytest.warns(UserWarning, match="MCP_GATEWAY_COLOUR is not a setting of mcp-swarm"):
        load(MCP_GATEWAY_COLOUR="green")


def test_known_names_are_neither_refused_nor_warned_of(load, tmp_path):
    """The control of the two above: no setting is so like another that it is refused."""
    variables = {f"{name.upper()}_FILE": "x" for name in config.Settings.model_fields}
    variables |= {name.upper(): "x" for name in config.Settings.model_fields}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_names(variables, config.Settings.model_fields)


def test_a_token_while_auth_is_off_is_refused(load):
    """Its owner believes that the server is closed."""
    message = refusal(load, AUTH_TOKEN="canary-secret")
    assert "AUTH_ENABLED is false" in message
    assert "AUTH_ENABLED=true" in message
    assert "canary" not in message


def test_a_file_of_callers_while_auth_is_off_is_refused(load, tmp_path):
    """The same, for several callers."""
    assert "AUTH_ENABLED is false" in refusal(load, AUTH_TOKENS_FILE=tmp_path / "callers.yml")


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_token_counts_as_none(load, tmp_path, empty):
    """Set empty, or read from an empty file: auth stays off without a word."""
    if empty is None:
        (tmp_path / "token").write_text("\n")
        assert load(AUTH_TOKEN_FILE=tmp_path / "token").auth_token is None
    else:
        assert load(AUTH_TOKEN=empty).auth_token is None


def test_auth_without_a_token_is_refused(load):
    """Nobody could call; the error names the settings that help."""
    message = refusal(load, AUTH_ENABLED="true", AUTH_TOKEN="")
    assert "no token to check" in message
    assert "AUTH_TOKEN_FILE" in message


@pytest.mark.parametrize("token", ["with space", "tab\there", "schlüssel", "line\nbreak"])
def test_a_token_that_no_client_could_send_is_refused(load, token):
    """RFC 6750: a header carries visible ASCII; anything else would be a 401 for ever."""
    message = refusal(load, AUTH_ENABLED="true", AUTH_TOKEN=token)
    assert "AUTH_TOKEN" in message
    assert token not in message


def test_a_shared_redis_without_keys_is_refused_with_the_command_that_makes_one(load):
    """Input rounds begun on one replica would fail on the next."""
    message = refusal(load, REDIS_URL="redis://redis:6379/0")
    assert "MCP_REQUEST_STATE_KEYS is empty" in message
    assert "openssl rand -base64 48" in message


def test_a_shared_redis_with_keys_is_fine(load):
    """The control: new first, old second, one a line as `make secrets` writes them."""
    settings = load(REDIS_URL="redis://redis:6379/0", MCP_REQUEST_STATE_KEYS=f"{KEY}\n{KEY}2")
    assert settings.is_shared
    assert [k.get_secret_value() for k in settings.mcp_request_state_keys] == [KEY, f"{KEY}2"]


def test_a_short_key_is_refused_by_number_and_size(load):
    """Of two keys, the one at fault is named; neither is shown."""
    message = refusal(load, MCP_REQUEST_STATE_KEYS=f"{KEY},canary")
    assert "key 2 has 6 bytes, at least 32" in message
    assert "canary" not in message
    assert KEY not in message


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("MCP_PORT", "eighty", "integer"),
        ("MCP_PORT", "70000", "65535"),
        ("MCP_STATELESS_HTTP", "maybe", "boolean"),
        ("MCP_LOG_FORMAT", "xml", "'text' or 'json'"),
        ("MCP_LOG_LEVEL", "INFO!", "'debug', 'info'"),
        ("MCP_CALL_TIMEOUT", "0", "greater than 0"),
        ("MCP_CALL_TIMEOUT", "inf", "finite"),
        ("MCP_CALL_TIMEOUT", "nan", "finite"),
        ("MCP_DRAIN_SECONDS", "inf", "finite"),
        ("MCP_DRAIN_SECONDS", "-1", "greater than or equal to 0"),
        ("MCP_BODY_LIMIT", "4MB", "integer"),
        ("MCP_REPLICA", "a b\r\nX: y", "pattern"),
        ("AUTH_ENABLED", "si", "boolean"),
    ],
)
def test_a_wrong_value_is_told_with_setting_value_and_expectation(load, name, value, expected):
    """The message alone is enough to correct it."""
    message = refusal(load, **{name: value})
    assert message.startswith(f"{name} is {value!r}: ")
    assert expected in message


def test_several_wrong_values_are_told_together(load):
    """One start, one list; not one error a start."""
    message = refusal(load, MCP_PORT="x", MCP_LOG_FORMAT="y")
    assert "MCP_PORT" in message
    assert "MCP_LOG_FORMAT" in message


def test_a_wrong_redis_url_is_told_without_its_password(load):
    """A mistyped URL still holds the password."""
    message = refusal(load, REDIS_URL="reddis://:canary@redis:6379")
    assert message.startswith("REDIS_URL")
    assert "canary" not in message


def test_no_secret_shows_when_settings_are_printed(load):
    """Settings end up in debug output."""
    settings = load(
        AUTH_ENABLED="true",
        AUTH_TOKEN="canary-token",
        REDIS_URL="redis://:canary-redis@redis:6379",
        DATABASE_URL="postgresql+asyncpg://user:canary-database@db/name",
        MCP_REQUEST_STATE_KEYS="canary-key" * 4,
    )
    for shown in (repr(settings), str(settings), repr(settings.model_dump())):
        assert "canary-token" not in shown
        assert "canary-database" not in shown
        assert "canary-key" not in shown
    assert "canary-redis" not in repr(settings) + str(settings)


def test_settings_are_frozen(load):
    """Nothing changes under a running call."""
    settings = load()
    with pytest.raises(config.ValidationError, match="frozen"):
        settings.mcp_port = 1


def test_lists_are_split_at_commas_and_lines(load):
    """As people write them in stack files, with spaces and trailing commas."""
    settings = load(MCP_ALLOWED_HOSTS=" a.example , b.example,\n c.example,, ")
    assert settings.mcp_allowed_hosts == ("a.example", "b.example", "c.example")


def test_every_setting_says_what_it_is_for():
    """The settings table of the documentation is made of these."""
    assert [n for n, field in config.Settings.model_fields.items() if not field.description] == []


@pytest.mark.processes
def test_a_misspelt_name_stops_the_start_before_anything_is_imported():
    """`python -m server` tells a wrong setting at once, not after two seconds of imports."""
    code = "import sys; from mcp_swarm.cli.main import main; print(main([], 'server'), 'fastmcp' in sys.modules)"
    env = {"MCP_PROT": "1", "PATH": ""}
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "3 False"
    assert ran.stderr == "error: MCP_PROT is not a setting. Did you mean MCP_PORT?\n"


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("MCP_ALLOWED_HOSTS", "https://mcp.example.com", "Write 'mcp.example.com'"),
        ("MCP_ALLOWED_HOSTS", "a.example,http://b.example:8443/mcp", "Write 'b.example:8443'"),
        ("MCP_ALLOWED_HOSTS", "mcp.example.com/mcp", "is not a host name"),
        ("MCP_ALLOWED_ORIGINS", "app.example.com", "without a path: https://app.example.com"),
        ("MCP_ALLOWED_ORIGINS", "https://app.example.com/page", "is not an origin"),
        ("MCP_HOST", "127.0.0.1:9000", "The port is set by MCP_PORT"),
    ],
)
def test_a_host_in_another_form_is_refused_in_words(load, setting, value, reason):
    """It would match no request, or be no address, without anybody knowing why."""
    message = refusal(load, **{setting: value})
    assert message.startswith(f"{setting} is ")
    assert reason in message


def test_hosts_in_every_form_of_theirs_are_understood(load):
    """With ports, patterns and brackets."""
    hosts = "mcp.example.com,*.example.org:8443,*,10.0.0.7,[::1]:80,fe80::1"
    origins = "https://app.example.com/,http://localhost:5173,null,*,vscode-webview://abc"
    settings = load(MCP_ALLOWED_HOSTS=hosts, MCP_ALLOWED_ORIGINS=origins, MCP_HOST="[::1]")
    assert settings.mcp_allowed_hosts == tuple(hosts.split(","))
    assert settings.mcp_allowed_origins == tuple(origins.split(","))
    assert settings.mcp_host == "::1"
    for address in ("localhost", "::", "fe80::1%eth0", "mcp_1"):
        assert load(MCP_HOST=address).mcp_host == address


def test_a_comma_in_a_key_is_named_as_what_splits_it(load):
    """Else the operator reads of a short key, and has set a long one."""
    message = refusal(load, MCP_REQUEST_STATE_KEYS=f"{'k' * 40},{'l' * 20}")
    assert "commas part keys, so this is 2, and key 2 has 20 bytes" in message
    assert "commas" not in refusal(load, MCP_REQUEST_STATE_KEYS="k" * 20)
    assert "kkk" not in message
