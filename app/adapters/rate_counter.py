"""Counts hits in a moving window in Redis. Only a filter in front of the rules, so it lets through when it is away."""

from typing import Final

import structlog
from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from app.adapters.redis_connection import RedisAway, RedisCalls, connection_pool

log = structlog.get_logger(__name__)

_KEY_PREFIX: Final = "starbrush:rate"


class RedisRateCounter:
    """The RateCounter port over the `limits` library."""

    def __init__(self, url: str) -> None:
        self._pool = connection_pool(url)
        storage = RedisStorage(
            f"async+{url}",
            implementation="redispy",
            key_prefix=_KEY_PREFIX,
            connection_pool=self._pool,  # type: ignore[arg-type]  # documented, but left out of the annotation
        )
        self._limiter = MovingWindowRateLimiter(storage)
        self._calls = RedisCalls("a rate counter")

    async def hit(self, scope: str, key: str, *, limit: int, window_seconds: int) -> bool:
        """Count one; False when the limit was reached. True when the counter cannot be reached."""
        try:
            async with self._calls.call():
                return await self._limiter.hit(RateLimitItemPerSecond(limit, window_seconds, scope), key)
        except RedisAway as away:
            if not away.again:
                log.warning("rate_counter_away", scope=scope, reason=str(away))
            return True

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.disconnect()
