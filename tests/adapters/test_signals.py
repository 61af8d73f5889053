"""Signals reach the listeners of their user in every process, are folded, and survive an outage of Redis."""

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest

from app.adapters.queue import ArqQueue
from app.adapters.signals import RedisSignals
from app.core.jobs import Signal
from app.core.metrics import Metrics
from app.sandbox.processes import free_port
from app.sandbox.servers import ServerProcess
from tests.waiting import LIMIT_SECONDS


async def opened(url: str) -> RedisSignals:
    signals = RedisSignals(url)
    await signals.open()
    async with asyncio.timeout(LIMIT_SECONDS):
        await signals.wait_until_subscribed()
    return signals


@pytest.fixture
async def signals(redis_url: str) -> AsyncIterator[RedisSignals]:
    opened_signals = await opened(redis_url)
    yield opened_signals
    await opened_signals.close()


@pytest.fixture
async def queue(redis_url: str) -> AsyncIterator[ArqQueue]:
    opened_queue = ArqQueue(redis_url, metrics=Metrics())
    yield opened_queue
    await opened_queue.close()


async def turn(turns: AsyncIterator[None]) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        await anext(turns)


async def test_a_signal_wakes_every_listener_of_its_user_in_every_process(
    signals: RedisSignals, queue: ArqQueue, redis_url: str
) -> None:
    other = await opened(redis_url)
    async with signals.listen(7) as first, signals.listen(7) as second, other.listen(7) as third:
        await queue.ring([Signal(7)])
        await asyncio.gather(turn(first), turn(second), turn(third))
    await other.close()


async def test_a_signal_wakes_nobody_else(signals: RedisSignals, queue: ArqQueue) -> None:
    async with signals.listen(7) as mine, signals.listen(8) as theirs:
        waiting = asyncio.ensure_future(anext(theirs))
        await queue.ring([Signal(7)])
        await turn(mine)
        assert not waiting.done()
        await queue.ring([Signal(8)])
        async with asyncio.timeout(LIMIT_SECONDS):
            await waiting


async def test_signals_to_a_busy_listener_are_folded(signals: RedisSignals, queue: ArqQueue) -> None:
    async with signals.listen(7) as busy, signals.listen(8) as marker:
        await queue.ring([Signal(7)])
        await queue.ring([Signal(7)])
        # Redis keeps the order, so this one comes after both.
        await queue.ring([Signal(8)])
        await turn(marker)
        await turn(busy)
        waiting = asyncio.ensure_future(anext(busy))
        await queue.ring([Signal(8)])
        await turn(marker)
        assert not waiting.done()
        waiting.cancel()


async def test_a_listener_that_leaves_is_forgotten(signals: RedisSignals) -> None:
    for _ in range(100):
        async with signals.listen(7):
            pass
    with pytest.raises(RuntimeError):
        async with signals.listen(7):
            raise RuntimeError
    gc.collect()
    assert signals._listeners == {}


async def test_after_an_outage_everybody_looks_once_and_signals_arrive_again(own_redis: ServerProcess) -> None:
    signals = await opened(own_redis.server.url)
    queue = ArqQueue(own_redis.server.url, metrics=Metrics())
    async with signals.listen(7) as turns:
        own_redis.kill()
        own_redis.start()
        await turn(turns)
        async with asyncio.timeout(LIMIT_SECONDS):
            while not await queue.ring([Signal(7)]):  # noqa: ASYNC110 - the queue opens by time
                await asyncio.sleep(0.05)
        await turn(turns)
    await queue.close()
    await signals.close()


async def test_it_opens_listens_and_closes_without_redis() -> None:
    signals = RedisSignals(f"redis://127.0.0.1:{free_port()}/0")
    await signals.open()
    async with signals.listen(7) as turns:
        waiting = asyncio.ensure_future(anext(turns, "ended"))
        await asyncio.sleep(0)
        await signals.close()
        async with asyncio.timeout(LIMIT_SECONDS):
            assert await waiting == "ended"


async def test_closing_ends_every_iteration(redis_url: str) -> None:
    other = await opened(redis_url)
    async with other.listen(7) as turns:
        await other.close()
        async with asyncio.timeout(LIMIT_SECONDS):
            assert [None async for _ in turns] == []


async def test_closes_at_any_moment_of_connecting(redis_url: str) -> None:
    """redis-py loses a cancellation that falls into some of these moments."""
    for moment in range(60):
        signals = RedisSignals(redis_url)
        await signals.open()
        for _ in range(moment):
            await asyncio.sleep(0)
        async with asyncio.timeout(LIMIT_SECONDS):
            await signals.close()
