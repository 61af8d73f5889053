"""Empty arq jobs a second in one process: what arq does when it is used as the product uses it, and nothing is done.

A long-running reader of the product's own (its loop, its pace of polling, its connections) runs while jobs are put
into its queue by arq's own `enqueue_job`, from as many tasks of the same process as it has connections to Redis.
Both sides are in one process because both sides of a generation are: what accepts it rings, and what hears runs it.
"""

import asyncio
import itertools
import time

from arq.connections import ArqRedis

from app.adapters.queue import connect_worker, queue_name
from app.core.jobs import Queue
from app.worker.readers import QueueReader

_JOBS = 4_000
_WARM_UP = 500
_CONNECTIONS = 16
_MAX_JOBS = 64
_LIMIT_SECONDS = 120


class EmptyJobs:
    """Stands where the product's jobs stand, and only counts."""

    def __init__(self) -> None:
        self.done = 0
        self._target = 0
        self._reached = asyncio.Event()

    def names(self, _queue: Queue) -> list[str]:
        """The one job that there is."""
        return ["empty"]

    async def run(self, _name: str, _subject: str) -> None:
        """What an empty job does."""
        self.done += 1
        if self.done >= self._target:
            self._reached.set()

    async def until(self, count: int) -> None:
        """Return once so many have been run. Raises: TimeoutError."""
        self._target = count
        self._reached.clear()
        async with asyncio.timeout(_LIMIT_SECONDS):
            if self.done < count:
                await self._reached.wait()


async def measure(redis_url: str) -> float:
    """Start a reader, then time jobs from the first put to the last done."""
    jobs = EmptyJobs()
    reader = QueueReader(Queue.GENERATION, redis_url, jobs, max_jobs=_MAX_JOBS)
    reading = asyncio.create_task(reader.run())
    client = connect_worker(redis_url)
    numbers = itertools.count()
    await _enqueue(client, numbers, _WARM_UP)
    await jobs.until(_WARM_UP)
    began_at = time.perf_counter()
    await _enqueue(client, numbers, _JOBS)
    await jobs.until(_WARM_UP + _JOBS)
    elapsed = time.perf_counter() - began_at
    reader.stop()
    await reading
    await client.aclose(close_connection_pool=True)
    return _JOBS / elapsed


async def _enqueue(client: ArqRedis, numbers: "itertools.count[int]", count: int) -> None:
    async def put(share: int) -> None:
        for _ in range(share):
            await client.enqueue_job("empty", str(next(numbers)), _queue_name=queue_name(Queue.GENERATION))

    await asyncio.gather(*(put(count // _CONNECTIONS) for _ in range(_CONNECTIONS)))
    await put(count % _CONNECTIONS)
