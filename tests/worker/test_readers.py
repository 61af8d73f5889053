"""arq's readers, supervised: Redis may go and come, in the middle of jobs too (trap 21)."""

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator

import pytest
import structlog
from redis.asyncio import Redis

from app.adapters.queue import ArqQueue
from app.core.jobs import Job, Queue
from app.core.metrics import Metrics
from app.sandbox.servers import ServerProcess
from app.worker.jobs import Jobs
from app.worker.readers import QueueReader
from tests.domain.shop import Shop
from tests.fakes import Gate
from tests.waiting import LIMIT_SECONDS, until


class HeldJobs(Jobs):
    """Jobs that wait at a gate."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop, shop.owner)
        self.gate = Gate()
        self.subjects: list[str] = []

    async def run(self, name: str, subject: str) -> None:  # noqa: ARG002 - the signature of Jobs
        self.subjects.append(subject)
        await self.gate.pass_()


class Bell:
    """Rings a Redis."""

    def __init__(self, url: str) -> None:
        self.queue = ArqQueue(url, metrics=Metrics())
        self._numbers = itertools.count()

    async def ring(self) -> bool:
        return await self.queue.ring([Job(Queue.DELIVERY, "deliver", str(next(self._numbers)))])


@pytest.fixture
async def bell(redis_url: str) -> AsyncIterator[Bell]:
    bell = Bell(redis_url)
    yield bell
    await bell.queue.close()


async def connections(redis_url: str) -> int:
    async with Redis.from_url(redis_url) as client:
        database = redis_url.rpartition("/")[2]
        return sum(1 for line in await client.client_list() if line["db"] == database) - 1


async def test_a_reader_that_stops_in_the_middle_of_a_job_ends_and_leaves_no_connection(
    shop: Shop, redis_url: str, bell: Bell
) -> None:
    jobs = HeldJobs(shop)
    before = await connections(redis_url)
    reader = QueueReader(Queue.DELIVERY, redis_url, jobs, max_jobs=4)
    reading = asyncio.create_task(reader.run())
    await bell.ring()
    await jobs.gate.reached.wait()
    reader.stop()
    async with asyncio.timeout(LIMIT_SECONDS):
        await reading
    await bell.queue.close()
    assert await until(lambda: _gone(redis_url, before))


async def _gone(redis_url: str, before: int) -> bool:
    return await connections(redis_url) <= before


async def test_a_reader_outlives_redis_in_the_middle_of_a_job(shop: Shop, own_redis: ServerProcess) -> None:
    jobs = HeldJobs(shop)
    bell = Bell(own_redis.server.url)
    reader = QueueReader(Queue.DELIVERY, own_redis.server.url, jobs, max_jobs=4)
    reading = asyncio.create_task(reader.run())
    await bell.ring()
    await jobs.gate.reached.wait()
    own_redis.kill()
    await until(lambda: reader.age_seconds > 0.5)
    assert not reading.done()
    jobs.gate.open()
    await asyncio.to_thread(own_redis.start)

    async def is_read() -> bool:
        await bell.ring()
        return len(jobs.subjects) > 1

    await until(is_read)
    assert reader.age_seconds < 5
    reader.stop()
    async with asyncio.timeout(LIMIT_SECONDS):
        await reading
    await bell.queue.close()


async def test_a_reader_says_how_long_ago_it_last_turned(shop: Shop, redis_url: str) -> None:
    reader = QueueReader(Queue.DELIVERY, redis_url, HeldJobs(shop), max_jobs=4)
    await until(lambda: reader.age_seconds > 0.3)
    reading = asyncio.create_task(reader.run())
    await until(lambda: reader.age_seconds < 0.2)
    reader.stop()
    async with asyncio.timeout(LIMIT_SECONDS):
        await reading


async def test_a_readers_age_counts_from_its_last_turn_though_nobody_asked_before_redis_went(
    shop: Shop, own_redis: ServerProcess
) -> None:
    reader = QueueReader(Queue.DELIVERY, own_redis.server.url, HeldJobs(shop), max_jobs=4)
    reading = asyncio.create_task(reader.run())
    await until(lambda: reader.age_seconds < 0.2)
    asked_at = time.monotonic()
    await until(lambda: time.monotonic() - asked_at > 2)
    with structlog.testing.capture_logs() as logs:
        own_redis.kill()
        killed_at = time.monotonic()
        await until(lambda: any(entry["event"] == "queue_reader_ended" for entry in logs))
        assert reader.age_seconds < time.monotonic() - killed_at + 1
    reader.stop()
    async with asyncio.timeout(10):
        await reading


async def test_work_that_outlasts_arqs_patience_goes_on_and_is_no_failure_of_arqs(
    shop: Shop, redis_url: str, bell: Bell, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "arq.worker")
    jobs = HeldJobs(shop)
    reader = QueueReader(Queue.DELIVERY, redis_url, jobs, max_jobs=4, patience_seconds=0.2)
    reading = asyncio.create_task(reader.run())
    await bell.ring()
    await jobs.gate.reached.wait()
    await until(lambda: [record for record in caplog.records if "deliver \N{BLACK CIRCLE}" in record.getMessage()])
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    reader.stop()
    async with asyncio.timeout(10):
        await reading
