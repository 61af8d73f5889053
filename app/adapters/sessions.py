"""Sessions of the cabinet in Redis. Tokens are kept as hashes, so that a copy of Redis signs nobody in."""

import hashlib
import secrets
import time
from typing import Any, Final

from app.adapters.redis_connection import RedisAway, RedisCalls, connect
from app.domain.errors import ProviderUnavailable
from app.domain.ports import SessionOwner

_TOKEN_BYTES: Final = 32
# More than any token of ours; what is longer need not even be hashed.
_LONGEST_TOKEN: Final = 64
# Behind the user's id, in the session's value.
_IN_BROWSER: Final = ":browser"


class RedisSessions:
    """The SessionStore port: one key a session, and one sorted set a user, by expiry, to revoke them all."""

    def __init__(self, url: str) -> None:
        self._redis: Any = connect(url)
        self._calls = RedisCalls("a session")

    async def create(self, user_id: int, *, ttl_seconds: int, in_browser: bool = False) -> str:
        """A new token. Raises: ProviderUnavailable when Redis is away."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        digest, index, now = _digest(token), _index_key(user_id), time.time()
        try:
            async with self._calls.call(), self._redis.pipeline(transaction=True) as pipe:
                pipe.set(_session_key(digest), f"{user_id}{_IN_BROWSER if in_browser else ''}", ex=ttl_seconds)
                pipe.zremrangebyscore(index, "-inf", now)
                pipe.zadd(index, {digest: now + ttl_seconds})
                # The index must outlive every session in it: set its time where there is none, then only raise it.
                pipe.expire(index, ttl_seconds, nx=True)
                pipe.expire(index, ttl_seconds, gt=True)
                await pipe.execute()
        except RedisAway as away:
            raise ProviderUnavailable(log={"redis": str(away)}) from away
        return token

    async def find(self, token: str) -> SessionOwner | None:
        """Who is behind a token; None when it is unknown or over.

        Raises: ProviderUnavailable when Redis is away.
        """
        if len(token) > _LONGEST_TOKEN:
            return None
        try:
            async with self._calls.call():
                kept = await self._redis.get(_session_key(_digest(token)))
        except RedisAway as away:
            raise ProviderUnavailable(log={"redis": str(away)}) from away
        return None if kept is None else _owner(kept.decode())

    async def revoke_all(self, user_id: int) -> None:
        """Forget every session of a user. Raises: ProviderUnavailable when Redis is away."""
        index = _index_key(user_id)
        try:
            async with self._calls.call():
                digests = await self._redis.zrange(index, 0, -1)
                await self._redis.delete(index, *(_session_key(digest.decode()) for digest in digests))
        except RedisAway as away:
            raise ProviderUnavailable(log={"redis": str(away)}) from away

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _digest(token: str) -> str:
    # A token has 256 random bits, so that a plain hash cannot be guessed back.
    return hashlib.sha256(token.encode()).hexdigest()


def _owner(kept: str) -> SessionOwner:
    return SessionOwner(int(kept.removesuffix(_IN_BROWSER)), in_browser=kept.endswith(_IN_BROWSER))


def _session_key(digest: str) -> str:
    return f"session:{digest}"


def _index_key(user_id: int) -> str:
    return f"sessions:{user_id}"
