"""How every adapter talks to Redis: bounded in time, connected again by itself, and left alone while it is away."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from redis import exceptions as redis_errors
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.core.db import refuse_inside_transaction

# A healthy Redis answers in well under a millisecond; nobody's tap may wait for a sick one.
TIMEOUT_SECONDS: Final = 0.5
_CONNECTIONS: Final = 8
# After a failure nobody waits for Redis again until this has passed.
_PAUSE_SECONDS: Final = 1.0

_OUTAGES: Final = (redis_errors.RedisError, OSError, TimeoutError)


class RedisAway(Exception):
    """Redis did not answer, or did not a moment ago (`again`, which is no news for a log)."""

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


def connection_pool(
    url: str, *, timeout_seconds: float = TIMEOUT_SECONDS, connections: int = _CONNECTIONS
) -> BlockingConnectionPool:
    """Connections that are made when they are needed, at most so many, none of which waits longer than this."""
    return BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        # A connection that died while it lay idle is noticed only when it is next used. What is sent may be repeated.
        retry=Retry(NoBackoff(), 1),
        retry_on_error=[redis_errors.ConnectionError],
    )


def connect(url: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Redis:
    """A client with a pool of its own, which `aclose()` closes too."""
    return Redis.from_pool(connection_pool(url, timeout_seconds=timeout_seconds))


class RedisCalls:
    """Bounds calls in time, and after an outage refuses for a second instead of letting everybody wait in turn."""

    def __init__(self, what: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._what = what
        self._timeout_seconds = timeout_seconds
        self._paused_until = 0.0

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        """Wrap the commands of one call. Raises: RedisAway."""
        refuse_inside_transaction(self._what)
        if time.monotonic() < self._paused_until:
            message = "away a moment ago"
            raise RedisAway(message, again=True)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                yield
        except _OUTAGES as error:
            self._paused_until = time.monotonic() + _PAUSE_SECONDS
            raise RedisAway(type(error).__name__) from error
