"""Sessions: random tokens kept as hashes, with an end, revocable together."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from app.adapters.redis_connection import connect
from app.adapters.sessions import RedisSessions
from app.domain.errors import ProviderUnavailable
from app.domain.ports import SessionOwner
from app.sandbox.processes import free_port
from tests.waiting import LIMIT_SECONDS


@pytest.fixture
async def sessions(redis_url: str) -> AsyncIterator[RedisSessions]:
    opened = RedisSessions(redis_url)
    yield opened
    await opened.close()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


async def test_a_token_leads_to_its_user_and_no_other_does(sessions: RedisSessions) -> None:
    first = await sessions.create(7, ttl_seconds=60)
    second = await sessions.create(8, ttl_seconds=60)
    assert await sessions.find(first) == SessionOwner(7, in_browser=False)
    assert await sessions.find(second) == SessionOwner(8, in_browser=False)
    for stranger in ("", "x", first[:-1], first + "x", "é" * 10, "x" * 1_000_000):
        assert await sessions.find(stranger) is None


async def test_a_session_of_the_browser_stays_one(sessions: RedisSessions) -> None:
    token = await sessions.create(7, ttl_seconds=60, in_browser=True)
    assert await sessions.find(token) == SessionOwner(7, in_browser=True)


async def test_tokens_are_long_and_safe_in_a_header(sessions: RedisSessions) -> None:
    tokens = {await sessions.create(7, ttl_seconds=60) for _ in range(20)}
    assert len(tokens) == 20
    assert all(len(token) == 43 and token.replace("-", "").replace("_", "").isalnum() for token in tokens)


async def test_what_redis_keeps_signs_nobody_in(sessions: RedisSessions, redis: Redis) -> None:
    token = await sessions.create(7, ttl_seconds=60)
    kept = [key.decode() for key in await redis.keys("*")]
    kept += [member.decode() for member in await redis.zrange("sessions:7", 0, -1)]
    assert token not in " ".join(kept)
    for text in kept:
        assert await sessions.find(text.rpartition(":")[2]) is None


async def test_a_session_ends(sessions: RedisSessions, redis: Redis) -> None:
    token = await sessions.create(7, ttl_seconds=1)
    assert await sessions.find(token) == SessionOwner(7, in_browser=False)
    async with asyncio.timeout(LIMIT_SECONDS):
        while await sessions.find(token) is not None:  # noqa: ASYNC110 - it ends with time
            await asyncio.sleep(0.05)
    await sessions.create(7, ttl_seconds=60)
    assert await redis.zcard("sessions:7") == 1


async def test_revoking_ends_all_sessions_of_one_user(sessions: RedisSessions, redis: Redis) -> None:
    tokens = [await sessions.create(7, ttl_seconds=60) for _ in range(3)]
    other = await sessions.create(8, ttl_seconds=60)

    await sessions.revoke_all(7)
    await sessions.revoke_all(7)

    assert [await sessions.find(token) for token in tokens] == [None, None, None]
    assert await sessions.find(other) == SessionOwner(8, in_browser=False)
    assert await redis.exists("sessions:7") == 0


@pytest.mark.parametrize("lives", [(600, 1), (1, 600)])
async def test_a_short_session_does_not_hide_a_long_one_from_revocation(
    sessions: RedisSessions, redis: Redis, lives: tuple[int, int]
) -> None:
    for seconds in lives:
        await sessions.create(7, ttl_seconds=seconds)
    assert await redis.ttl("sessions:7") > 500


async def test_nobody_is_signed_in_while_redis_is_away() -> None:
    sessions = RedisSessions(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(ProviderUnavailable):
        await sessions.find("x" * 43)
    with pytest.raises(ProviderUnavailable):
        await sessions.create(7, ttl_seconds=60)
    with pytest.raises(ProviderUnavailable):
        await sessions.revoke_all(7)
    await sessions.close()
