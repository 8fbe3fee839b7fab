"""What Redis lets this service do: asked at the start, and logged when it refuses something later."""

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

# Seconds that the start waits for a Redis that hangs: a service starts while it is away.
HANGS = 5.0
# Seconds that it waits for one that refuses it: a deploy may be about to replace its password.
REFUSES = 20.0
# Seconds before the same refusal is told again: what is asked each second would fill the log.
LOG_EVERY = 60.0

_last_logged: dict[str, float] = {}


async def demand(url: str, service: str, *, waits: bool) -> None:
    """Asks for one command of each kind; nothing is changed, and nobody hears of it.

    Args:
        url: of Redis.
        service: its name, with which its keys begin.
        waits: whether a refusal may be over in a moment.

    Raises:
        StartError: Redis answers, and does not let this service in, or not do that.
    """
    deadline = time.monotonic() + (REFUSES if waits else 0)
    while refusal := await _refusal(url, service):
        if time.monotonic() >= deadline:
            raise StartError(refusal)
        logger.warning("waiting for Redis: %s", refusal)
        await asyncio.sleep(1)


async def _refusal(url: str, service: str) -> str | None:
    """On a connection of its own: a replica whose calls need none shall hold none."""
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
            f"Redis does not let {_user(url)} of REDIS_URL in: it is not known there, or its "
            "password is another. Next: put the user and the password that Redis has into "
            "redis://USER:PASSWORD@HOST:6379/0; deploy/redis/start.sh has the user that is needed."
        )
    except NoPermissionError as error:
        return (
            f"Redis does not let {_user(url)} of REDIS_URL do what service {service!r} (MCP_NAME) "
            f"needs: {error}. Next: give it the keys, channels and commands of `user mcp` in "
            "deploy/redis/start.sh."
        )
    except (RedisError, OSError) as error:
        _warn_unavailable(url, error)
    return None


def _warn_unavailable(url: str, error: Exception) -> None:
    """Not an error of the start: a service starts, and serves what needs no Redis."""
    logger.warning(
        "Redis at %s (REDIS_URL) is not available: %s. What needs it is answered with an error "
        "until it is, and /readyz names it. Next: start Redis there, or correct REDIS_URL.",
        urlsplit(url).netloc.rpartition("@")[2],
        error or f"no answer within {HANGS:g} s",
    )


def report(error: BaseException) -> None:
    """Logs what Redis answered and refused, which waiting may not mend; the same not too often."""
    if not isinstance(error, ResponseError):
        return
    text, now = str(error), time.monotonic()
    if now - _last_logged.get(text, -LOG_EVERY) >= LOG_EVERY:
        if len(_last_logged) > 100:
            _last_logged.clear()
        _last_logged[text] = now
        logger.error("Redis refuses what is asked of it: %s", text)


def _user(url: str) -> str:
    return f"user {urlsplit(url).username or 'default'!r}"
