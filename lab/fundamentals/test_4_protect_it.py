"""Protect it with a token: two settings, and who has no token gets 401."""

from lab.mcp_wire import call, text, with_headers


async def test_only_who_has_the_token_may_call(replica, http, tmp_path):
    """AUTH_TOKEN_FILE names a Docker secret; AUTH_TOKEN would hold the token itself."""
    (tmp_path / "token").write_text("a-long-random-token\n")
    made = replica(AUTH_ENABLED="true", AUTH_TOKEN_FILE=tmp_path / "token")

    refused = await http.post(made.url, **call("echo", text="hello"))
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")

    asked = with_headers(call("echo", text="hello"), Authorization="Bearer a-long-random-token")
    assert text(await http.post(made.url, **asked)) == "hello"
