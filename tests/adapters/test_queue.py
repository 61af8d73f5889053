"""Rings reach arq's own workers and listeners, cost one round trip, and are lost quickly when Redis is away."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from arq.worker import Worker, func
from redis.asyncio import Redis

from app.adapters.queue import ArqQueue, connect_worker, queue_name, signal_channel
from app.adapters.redis_connection import connect
from app.core.db import Database
from app.core.jobs import Job, Queue, Signal
from app.core.metrics import Metrics
from app.sandbox.processes import free_port
from app.sandbox.servers import ServerProcess
from tests.harness import asyncpg_url
from tests.waiting import LIMIT_SECONDS


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def queue(redis_url: str, metrics: Metrics) -> AsyncIterator[ArqQueue]:
    opened = ArqQueue(redis_url, metrics=metrics)
    yield opened
    await opened.close()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


class Recorder:
    """An arq worker whose only job writes down what it was called with."""

    def __init__(self, url: str, queue: Queue, name: str = "run_generation") -> None:
        self.seen: list[tuple[str, str]] = []
        self.worker = Worker(
            functions=[func(self._run, name=name, keep_result=0)],
            redis_pool=connect_worker(url),
            queue_name=queue_name(queue),
            handle_signals=False,
            burst=True,
            poll_delay=0.01,
            keep_result=0,
        )

    async def _run(self, ctx: dict[Any, Any], subject: str) -> None:
        self.seen.append((ctx["job_id"], subject))

    async def run(self) -> list[tuple[str, str]]:
        try:
            await self.worker.async_run()
        finally:
            await self.worker.close()
        return self.seen


def job(subject: str = "g1", ring_number: int = 0, delay_seconds: float = 0.0, queue: Queue = Queue.GENERATION) -> Job:
    return Job(queue, "run_generation", subject, ring_number, delay_seconds)


async def test_a_real_worker_runs_what_was_rung(queue: ArqQueue, redis_url: str, redis: Redis) -> None:
    assert await queue.ring([job("g1"), job("g2", 3)])
    seen = await Recorder(redis_url, Queue.GENERATION).run()
    assert sorted(seen) == [("run_generation:g1:0", "g1"), ("run_generation:g2:3", "g2")]
    assert await redis.keys("arq:*") == []


async def test_each_class_of_work_has_its_own_queue(queue: ArqQueue, redis_url: str) -> None:
    assert await queue.ring([job("g1"), job("d1", queue=Queue.DELIVERY), job("r1", queue=Queue.REST)])
    for kind, subject in ((Queue.DELIVERY, "d1"), (Queue.REST, "r1"), (Queue.GENERATION, "g1")):
        assert [seen for _, seen in await Recorder(redis_url, kind).run()] == [subject]


async def test_the_same_ring_twice_runs_once_and_again_after_it_has_run(queue: ArqQueue, redis_url: str) -> None:
    assert await queue.ring([job(), job()])
    assert await queue.ring([job()])
    assert len(await Recorder(redis_url, Queue.GENERATION).run()) == 1
    assert await queue.ring([job()])
    assert len(await Recorder(redis_url, Queue.GENERATION).run()) == 1


async def test_a_ring_whose_job_was_half_lost_runs(queue: ArqQueue, redis_url: str, redis: Redis) -> None:
    await queue.ring([job("payload-gone"), job("place-gone")])
    await redis.delete("arq:job:run_generation:payload-gone:0")
    await redis.zrem(queue_name(Queue.GENERATION), "run_generation:place-gone:0")

    await queue.ring([job("payload-gone"), job("place-gone")])

    seen = await Recorder(redis_url, Queue.GENERATION).run()
    assert sorted(subject for _, subject in seen) == ["payload-gone", "place-gone"]


async def test_a_delayed_ring_waits_its_time(queue: ArqQueue, redis_url: str, redis: Redis) -> None:
    started = time.monotonic()
    assert await queue.ring([job(delay_seconds=0.3)])
    assert await redis.zcount(queue_name(Queue.GENERATION), 0, time.time() * 1000) == 0
    assert len(await Recorder(redis_url, Queue.GENERATION).run()) == 1
    assert time.monotonic() - started >= 0.29


async def test_a_second_ring_does_not_put_off_one_that_waits(queue: ArqQueue, redis_url: str, redis: Redis) -> None:
    await queue.ring([job()])
    await queue.ring([job(delay_seconds=600)])
    assert await redis.zcount(queue_name(Queue.GENERATION), 0, time.time() * 1000) == 1
    assert await redis.ttl("arq:job:run_generation:g1:0") <= 3_600


async def test_nothing_stays_in_redis_for_ever(queue: ArqQueue, redis: Redis) -> None:
    await queue.ring([job(delay_seconds=60)])
    assert 3_600 < await redis.ttl("arq:job:run_generation:g1:0") <= 3_660


async def test_signals_are_published_beside_jobs(queue: ArqQueue, redis: Redis) -> None:
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe(signal_channel(7))
        await pubsub.get_message(timeout=5)
        assert await queue.ring([job(), Signal(7), Signal(8)])
        heard = await pubsub.get_message(ignore_subscribe_messages=True, timeout=5)
        assert heard is not None
        assert heard["channel"] == b"signal:7"


async def test_no_rings_need_no_redis(metrics: Metrics) -> None:
    queue = ArqQueue("redis://127.0.0.1:1/0", metrics=metrics)
    assert await queue.ring([])
    assert metrics.value("starbrush_rings_lost_total") == 0


async def test_a_refused_connection_loses_rings_without_raising_and_is_counted(metrics: Metrics) -> None:
    queue = ArqQueue(f"redis://127.0.0.1:{free_port()}/0", metrics=metrics)
    assert not await queue.ring([job(), Signal(1)])
    assert metrics.value("starbrush_rings_lost_total") == 2
    await queue.close()


async def test_a_silent_redis_costs_two_seconds_once_and_not_once_a_ring(metrics: Metrics) -> None:
    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await done.wait()
        writer.close()

    done = asyncio.Event()
    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    queue = ArqQueue(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", metrics=metrics)
    async with server:
        started = time.monotonic()
        assert not await queue.ring([job()])
        first = time.monotonic() - started
        for _ in range(50):
            assert not await queue.ring([job()])
        rest = time.monotonic() - started - first
        done.set()
    # One more wait would be two seconds more.
    assert first < 3.9
    assert rest < 1.9
    assert metrics.value("starbrush_rings_lost_total") == 51
    await queue.close()


async def test_a_restarted_redis_is_rung_again_by_itself(own_redis: ServerProcess, metrics: Metrics) -> None:
    queue = ArqQueue(own_redis.server.url, metrics=metrics)
    assert await queue.ring([job("before")])
    own_redis.kill()
    assert not await queue.ring([job("meanwhile")])
    own_redis.start()
    async with asyncio.timeout(LIMIT_SECONDS):
        while not await queue.ring([job("after")]):  # noqa: ASYNC110 - the queue opens by time, nothing announces it
            await asyncio.sleep(0.05)
    seen = [subject for _, subject in await Recorder(own_redis.server.url, Queue.GENERATION).run()]
    assert "after" in seen
    assert "meanwhile" not in seen
    await queue.close()


async def test_a_redis_restarted_between_two_rings_loses_neither(own_redis: ServerProcess, metrics: Metrics) -> None:
    queue = ArqQueue(own_redis.server.url, metrics=metrics)
    assert await queue.ring([job("before")])
    own_redis.kill()
    own_redis.start()
    assert await queue.ring([job("after")])
    assert metrics.value("starbrush_rings_lost_total") == 0
    await queue.close()


async def test_many_rings_at_once_all_arrive(queue: ArqQueue, redis: Redis, metrics: Metrics) -> None:
    answers = await asyncio.gather(*(queue.ring([job(f"g{number}"), Signal(number)]) for number in range(300)))
    assert all(answers)
    assert await redis.zcard(queue_name(Queue.GENERATION)) == 300


async def test_ringing_inside_a_transaction_is_our_bug(queue: ArqQueue, database_url: str) -> None:
    database = Database(asyncpg_url(database_url))
    try:
        async with database.transaction():
            with pytest.raises(AssertionError, match="inside a database transaction"):
                await queue.ring([job()])
    finally:
        await database.close()


async def test_a_password_with_special_characters_is_understood() -> None:
    for client in (connect("redis://user:p%40ss%2Fword@localhost:6380/3"), connect_worker("redis://:p%40ss@localhost")):
        options = client.connection_pool.connection_kwargs
        assert options["password"].startswith("p@ss")
        await client.aclose()
