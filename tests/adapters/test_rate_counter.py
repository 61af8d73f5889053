"""Hits are counted in a moving window across processes, and let through when Redis is away."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from app.adapters.rate_counter import RedisRateCounter
from app.core.db import Database
from app.sandbox.processes import free_port
from app.sandbox.servers import ServerProcess
from tests.harness import asyncpg_url
from tests.waiting import LIMIT_SECONDS


@pytest.fixture
async def counter(redis_url: str) -> AsyncIterator[RedisRateCounter]:
    opened = RedisRateCounter(redis_url)
    yield opened
    await opened.close()


async def test_hits_beyond_the_limit_are_refused(counter: RedisRateCounter) -> None:
    answers = [await counter.hit("flood", "7", limit=3, window_seconds=60) for _ in range(5)]
    assert answers == [True, True, True, False, False]


async def test_scopes_and_keys_are_counted_apart(counter: RedisRateCounter) -> None:
    assert await counter.hit("flood", "7", limit=1, window_seconds=60)
    assert not await counter.hit("flood", "7", limit=1, window_seconds=60)
    assert await counter.hit("flood", "8", limit=1, window_seconds=60)
    assert await counter.hit("login", "7", limit=1, window_seconds=60)


async def test_simultaneous_hits_of_two_processes_share_the_limit(counter: RedisRateCounter, redis_url: str) -> None:
    other = RedisRateCounter(redis_url)
    answers = await asyncio.gather(
        *(each.hit("flood", "7", limit=10, window_seconds=60) for each in (counter, other) for _ in range(10))
    )
    assert sum(answers) == 10
    await other.close()


async def test_the_window_moves(counter: RedisRateCounter) -> None:
    assert await counter.hit("flood", "7", limit=1, window_seconds=1)
    async with asyncio.timeout(LIMIT_SECONDS):
        while not await counter.hit("flood", "7", limit=1, window_seconds=1):  # noqa: ASYNC110 - it moves with time
            await asyncio.sleep(0.05)


async def test_a_counter_that_is_away_lets_through_quickly() -> None:
    counter = RedisRateCounter(f"redis://127.0.0.1:{free_port()}/0")
    started = time.monotonic()
    assert all([await counter.hit("flood", "7", limit=1, window_seconds=60) for _ in range(50)])
    # A wait for each would be minutes.
    assert time.monotonic() - started < 5
    await counter.close()


async def test_it_counts_again_when_redis_is_back(own_redis: ServerProcess) -> None:
    counter = RedisRateCounter(own_redis.server.url)
    assert await counter.hit("flood", "7", limit=1, window_seconds=60)
    own_redis.kill()
    assert await counter.hit("flood", "7", limit=1, window_seconds=60)
    own_redis.start()
    async with asyncio.timeout(LIMIT_SECONDS):
        while await counter.hit("flood", "8", limit=1, window_seconds=60):  # noqa: ASYNC110 - it opens by time
            await asyncio.sleep(0.05)
    await counter.close()


async def test_counting_inside_a_transaction_is_our_bug(counter: RedisRateCounter, database_url: str) -> None:
    database = Database(asyncpg_url(database_url))
    try:
        async with database.transaction():
            with pytest.raises(AssertionError, match="inside a database transaction"):
                await counter.hit("flood", "7", limit=1, window_seconds=60)
    finally:
        await database.close()
