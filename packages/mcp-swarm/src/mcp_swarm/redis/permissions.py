"""The permissions that Redis grants this service: checked at the start, and logged when denied later."""

import asyncio
import logging
import time
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from mcp_swarm.errors import StartError

logger = logging.getLogger(__name__)

# Seconds that the start waits for a Redis that hangs. A service also starts without Redis.
HANGS = 5.0
# Seconds that it waits while Redis denies access: a deployment may be replacing the password.
REFUSES = 20.0
# Seconds before the same error is logged again: a command sent each second would fill the log.
LOG_EVERY = 60.0

_last_logged: dict[str, float] = {}


async def demand(url: str, service: str, *, waits: bool) -> None:
    """Tries one command of each kind. They change nothing, and no subscriber receives anything.

    Args:
        url: of Redis.
        service: the service's name, the first part of its keys.
        waits: whether to retry while Redis denies access.

    Raises:
        StartError: Redis rejects the login or one of the commands.
    """
    deadline = time.monotonic() + (REFUSES if waits else 0)
    while refusal := await _refusal(url, service):
        if time.monotonic() >= deadline:
            raise StartError(refusal)
        logger.warning("waiting for Redis: %s", refusal)
        await asyncio.sleep(1)


async def _refusal(url: str, service: str) -> str | None:
    """Returns why Redis denies access, or None. Closes its connection: a replica may need none."""
    key = f"{service}:start"
    once = Redis.from_url(url, socket_timeout=HANGS, retry=Retry(NoBackoff(), 0))
    try:
        async with asyncio.timeout(HANGS), once, once.pipeline(transaction=False) as asked:
            asked.exists(key)
            asked.eval("return 1", 0)
            asked.publish(key, "")
            await asked.execute()
    except AuthenticationError:
        return (
            f"Redis rejects the login of {_user(url)} of REDIS_URL: the user is unknown or the "
            "password is wrong. Next: set REDIS_URL=redis://USER:PASSWORD@HOST:6379/0 with the user "
            "and password that Redis has; deploy/redis/start.sh creates the user that is needed."
        )
    except NoPermissionError as error:
        return (
            f"Redis denies {_user(url)} of REDIS_URL a permission that service {service!r} "
            f"(MCP_NAME) needs: {error}. Next: grant it the keys, channels and commands of "
            "`user mcp` in deploy/redis/start.sh."
        )
    except (RedisError, OSError) as error:
        _warn_unavailable(url, error)
    return None


def _warn_unavailable(url: str, error: Exception) -> None:
    """Logs a warning. It is no start error: a service starts and serves what needs no Redis."""
    logger.warning(
        "Redis at %s (REDIS_URL) is not available: %s. Requests that need it fail until it is, and "
        "/readyz names it. Next: start Redis there, or correct REDIS_URL.",
        urlsplit(url).netloc.rpartition("@")[2],
        error or f"no answer within {HANGS:g} s",
    )


def report(error: BaseException) -> None:
    """Logs an error reply of Redis, which a retry may not fix; each text at most once a minute."""
    if not isinstance(error, ResponseError):
        return
    text, now = str(error), time.monotonic()
    if now - _last_logged.get(text, -LOG_EVERY) >= LOG_EVERY:
        if len(_last_logged) > 100:
            _last_logged.clear()
        _last_logged[text] = now
        logger.error("Redis rejects a command: %s", text)


def _user(url: str) -> str:
    return f"user {urlsplit(url).username or 'default'!r}"
