"""Empty arq jobs a second, in one process with one worker: what the queue alone can do here."""

import time

from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.worker import Worker, func

_JOBS = 3_000
_QUEUE = "load:empty"


async def measure(redis_url: str) -> float:
    """Enqueue empty jobs, then time one worker that runs them all."""
    pool: ArqRedis = await create_pool(RedisSettings.from_dsn(redis_url), default_queue_name=_QUEUE)
    for number in range(_JOBS):
        await pool.enqueue_job("empty", number)

    async def empty(_context: dict[str, object], _number: int) -> None:
        """What an empty job does."""

    worker = Worker(
        functions=[func(empty, name="empty", keep_result=0)],  # type: ignore[arg-type] # arq's own protocol is narrower
        queue_name=_QUEUE,
        redis_pool=pool,
        handle_signals=False,
        # Until the queue is empty.
        burst=True,
        poll_delay=0.02,
        max_jobs=64,
        keep_result=0,
        queue_read_limit=2_000,
    )
    began_at = time.perf_counter()
    await worker.async_run()
    elapsed = time.perf_counter() - began_at
    await worker.close()
    return _JOBS / elapsed
