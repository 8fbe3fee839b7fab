"""Hides secrets in a configuration: by the name of a value, and by what stands inside a text.

It hides too much rather than too little: a hidden setting costs a question, a shown secret costs a
new secret. Names are read by their words, so ``sshKey``, ``SSH_KEY`` and ``ssh-key`` are the same.
"""

import re
from typing import Any, Final

MASK: Final = "********"

# Words that make a name a secret's, wherever they stand in it.
_WORDS = frozenset(
    {
        *(
            "auth",
            "authorization",
            "bearer",
            "cookie",
            "cred",
            "creds",
            "dsn",
            "hmac",
            "jwt",
            "key",
        ),
        *(
            "keys",
            "keystore",
            "mnemonic",
            "otp",
            "pass",
            "passcode",
            "passphrase",
            "passwd",
            "password",
        ),
        *("passwords", "pat", "pem", "pepper", "pfx", "pin", "pwd", "pw", "salt", "sas", "sig"),
        *("signature", "signing", "totp", "webhook", "webhooks"),
    }
)
# The same where a name is written in one word: dbpassword, sshkey.
_PARTS = re.compile(
    r"passw|passphrase|passcode|pwd|secret|token|credential|jwt|apikey|auth(?!or)|webhook"
)
_ENDS = ("pass", "key", "keys")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

# scheme://user:password@host, up to the last @: a password may hold one, and a slash.
_URL = re.compile(r"(?<=://)[^\s\"'<>]{0,2000}@")
# user:password@host without a scheme; an image's name:tag@sha256:… is none.
_LOGIN = re.compile(
    r"(?<![\w:/.-])[^\s:/@\"'=]{1,100}:(?!//)[^\s\"']{1,2000}@(?!sha\d+:)(?=[\w(\[])"
)
# name=value and name: value, as connection strings, queries, JSON and arguments write it. A value ends
# at a semicolon; in a text without one where the next begins, which a comma or a space comes before.
_NAME = r"[A-Za-z_][\w.-]{0,60}(?: [A-Za-z][\w.-]{0,30}){0,2}"
_HEAD = rf"(?P<head>(?P<name>{_NAME})[\"']?\s{{0,4}}[=:]\s{{0,4}})"
_QUOTED = r"\"[^\"]{0,2000}\"|'[^']{0,2000}'|\{[^}]{0,2000}\}"
_PAIR = re.compile(
    rf"{_HEAD}(?P<value>{_QUOTED}|(?!//)[^;\n&]+?)"
    rf"(?=\s*(?:[\n&}}]|[,\s]\s*[\"']?[A-Za-z_][\w.-]{{0,60}}[\"']?\s{{0,4}}[=:]|$))"
)
_PAIR_TO_SEMICOLON = re.compile(rf"{_HEAD}(?P<value>{_QUOTED}|(?!//)[^;\n]+)")
_ARGUMENT = re.compile(r"(?P<head>(?<!\S)--?(?P<name>[A-Za-z][\w-]{1,60})[ =])(?P<value>\S+)")
# What is a secret by its form alone.
_FORMS = re.compile(
    r"(?<=\bBearer )\S+|(?<=\bBasic )\S+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*"
    r"|\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*"
    r"|\b(?:gh[pousr]_|github_pat_|glpat-|xox[a-z]-|sk-|[sr]k_(?:live|test)_|npm_|hf_|dckr_pat_)"
    r"[\w-]{8,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{12,}|\bAIza[\w-]{20,}"
)


def masked(value: Any, where: str, places: list[str]) -> Any:
    """A copy of `value` with its secrets hidden.

    Args:
        value: what YAML or JSON can hold.
        where: its place, such as ``DATABASE.password``; empty for the whole.
        places: where a secret was hidden is added to it.
    """
    if isinstance(value, dict):
        return _masked_object(value, where, places)
    if isinstance(value, list):
        return _masked_list(value, where, places)
    if isinstance(value, str):
        shown = masked_text(value)
        if shown != value:
            places.append(where)
        return shown
    return value if isinstance(value, (bool, int, float, type(None))) else str(value)


def masked_text(text: str) -> str:
    """`text` with the secrets inside it hidden: logins in URLs, ``Password=…``, keys and tokens."""
    text = _FORMS.sub(MASK, text)
    text = _URL.sub(_masked_login, text)
    text = _LOGIN.sub(f"{MASK}@", text)
    pair = _PAIR_TO_SEMICOLON if ";" in text else _PAIR
    text = pair.sub(_masked_pair, text)
    return _ARGUMENT.sub(_masked_pair, text)


def is_secret(name: str) -> bool:
    """Whether a value of that name is a secret."""
    words = [word.lower() for word in _WORD.findall(name)]
    plain = "".join(words)
    return (
        not _WORDS.isdisjoint(words)
        or _PARTS.search(plain) is not None
        or any(word.endswith(_ENDS) for word in words[-1:])
    )


def _masked_object(value: dict[Any, Any], where: str, places: list[str]) -> dict[str, Any]:
    # {name: DB_PASSWORD, value: …}, as lists of variables are written
    named = next((value[key] for key in ("name", "key") if isinstance(value.get(key), str)), "")
    shown = {}
    for key, item in value.items():
        place = f"{where}.{key}" if where else str(key)
        is_name = item is named and "value" in value
        hidden = is_secret(named) if key == "value" else is_secret(str(key)) and not is_name
        if hidden and item not in (None, ""):
            places.append(place)
            shown[str(key)] = MASK
        else:
            shown[str(key)] = masked(item, place, places)
    return shown


def _masked_list(value: list[Any], where: str, places: list[str]) -> list[Any]:
    shown: list[Any] = []
    for number, item in enumerate(value):
        before = value[number - 1] if number else None
        # ["--password", "…"]
        if isinstance(before, str) and before.startswith("-") and is_secret(before):
            if "=" not in before and not str(item).startswith("-"):
                places.append(f"{where}[{number}]")
                shown.append(MASK)
                continue
        shown.append(masked(item, f"{where}[{number}]", places))
    return shown


def _masked_login(found: re.Match[str]) -> str:
    """An @ after the host, as in https://host/@name, belongs to no login."""
    host = found[0].partition("/")[0]
    return f"{MASK}@" if "@" in host or ":" in host else found[0]


def _masked_pair(found: re.Match[str]) -> str:
    if not is_secret(found["name"]):
        return found[0]
    return f"{found['head']}{MASK}"
