"""What read_config hides: secrets by their names, and secrets inside texts."""

import time

import pytest

secrets = pytest.importorskip("server.examples.tools._text.secrets")

HIDDEN = "horse-battery-staple"  # no answer may hold any word of it


@pytest.mark.parametrize(
    "name",
    [
        *("REPLICA_PWD", "deployKey", "idToken", "jwt", "SMTP_PASS", "OAuthCreds", "tlskey"),
        *("dbpassword", "AUTHORIZATION", "session-cookie", "webhookUrl", "X_API_KEY_2", "totp"),
    ],
)
def test_a_value_is_hidden_by_its_name_however_it_is_written(name):
    places = []
    assert secrets.masked({name: HIDDEN}, "", places) == {name: secrets.MASK}
    assert places == [name]


@pytest.mark.parametrize(
    "name", ["KEYBOARD", "LOG_LEVEL", "host", "author", "passengers", "keywords", "replicas"]
)
def test_a_name_that_only_looks_alike_is_shown(name):
    assert secrets.masked({name: "plain"}, "", []) == {name: "plain"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Server=db,1433;User ID=u;Pwd={};Encrypt=True", "Server=db,1433;User ID=u;Pwd=*;Encrypt"),
        ("Data Source=d;Password=a b=1 {}", "Data Source=d;Password=*"),
        ("Endpoint=sb://h/;SharedAccessKey={}=;EntityPath=p", "Endpoint=sb://h/;SharedAccessKey=*"),
        ("host=h password={},more dbname=d", "host=h password=* dbname=d"),
        ("cache:6379,password={},ssl=True", "cache:6379,password=*,ssl=True"),
        ("amqp://u:{}@x@h/vhost", "amqp://*@h/vhost"),
        ("postgres://u:a/{}@h/db", "postgres://*@h/db"),
        ("redis://:{}@h:6379/0", "redis://*@h:6379/0"),
        ("root:x@{}@tcp(h:3306)/db", "*@tcp(h:3306)/db"),
        ("https://h/hook?page=2&api_key={}&size=9", "https://h/hook?page=2&api_key=*&size=9"),
        ('{{"user": "u", "password": "a {}"}}', '{"user": "u", "password": *}'),
        ("--user u --password {} --tls", "--user u --password * --tls"),
        ("curl -H 'Authorization: Bearer {}'", "curl -H 'Authorization: *"),
        ("-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----", "*"),
        ("ghp_{}AAAAAAAA", "*"),
    ],
)
def test_a_secret_inside_a_text_is_hidden_whole(text, shown):
    found = secrets.masked_text(text.format(HIDDEN))
    assert not any(part in found for part in HIDDEN.split("-"))
    assert found.startswith(shown.replace("*", secrets.MASK))


@pytest.mark.parametrize(
    "text",
    [
        "registry.example/shop/app:1.0@sha256:0a1b2c",
        "https://cdn.example/@scope/package",
        "https://host.example:8443/path?page=2",
        "someone@example.com",
        "time: 12:30, retries: 3",
    ],
)
def test_a_text_without_a_secret_is_shown_as_it_is(text):
    assert secrets.masked_text(text) == text


def test_variables_in_a_list_are_hidden_by_the_name_beside_them():
    config = {"env": [{"name": "DB_PWD", "value": HIDDEN}, {"name": "PORT", "value": "80"}]}
    places = []
    shown = secrets.masked(config, "", places)
    assert shown["env"][0] == {"name": "DB_PWD", "value": secrets.MASK}
    assert shown["env"][1] == {"name": "PORT", "value": "80"}
    assert places == ["env[0].value"]


def test_an_argument_is_hidden_behind_its_option():
    shown = secrets.masked(["--token", HIDDEN, "--port", "80"], "args", [])
    assert shown == ["--token", secrets.MASK, "--port", "80"]


@pytest.mark.parametrize("text", ["a" * 90_000, "://" * 30_000, "{" * 90_000, "a=b " * 20_000])
def test_no_text_takes_long(text):
    began = time.process_time()
    secrets.masked_text(text)
    assert time.process_time() - began < 2
