"""The doorbell: puts jobs where arq's workers look and publishes signals for open event streams.

One round trip a commit. It never raises and never waits long: PostgreSQL holds the work, and the sweep rings again.
"""

import time
from collections.abc import Sequence
from typing import Any, Final

import structlog
from arq.connections import ArqRedis
from arq.constants import job_key_prefix
from arq.jobs import serialize_job

from app.adapters.redis_connection import RedisAway, RedisCalls, connect, connection_pool
from app.core.jobs import Job, Queue, Ring, Signal
from app.core.metrics import Metrics

log = structlog.get_logger(__name__)

_SIGNAL_PREFIX: Final = "signal:"
SIGNAL_CHANNELS: Final = f"{_SIGNAL_PREFIX}*"
"""The pattern of every user's channel."""

_WORKER_TIMEOUT_SECONDS: Final = 5.0
# Longer than the pauses of a busy event loop, which would otherwise look like an outage and lose every ring.
_RING_TIMEOUT_SECONDS: Final = 2.0
_WORKER_CONNECTIONS: Final = 16
# A job that nobody has run for an hour was swept many times over; its key only has to outlive its place in the queue.
_JOB_LIFE_MS: Final = 3_600_000


def queue_name(queue: Queue) -> str:
    """The arq queue of a class of work."""
    return f"starbrush:{queue}"


def signal_channel(user_id: int) -> str:
    """The channel on which a user's signals are published."""
    return f"{_SIGNAL_PREFIX}{user_id}"


def signal_user(channel: bytes) -> int:
    """The user whose channel it is; 0, which is nobody, for any other channel."""
    number = channel.decode(errors="replace").removeprefix(_SIGNAL_PREFIX)
    return int(number) if number.isdecimal() else 0


def connect_worker(url: str) -> ArqRedis:
    """The client of an arq Worker (`redis_pool`).

    arq's own has no time limit on answers, so that a frozen Redis would stop the reader silently and for ever.
    """
    pool = connection_pool(url, timeout_seconds=_WORKER_TIMEOUT_SECONDS, connections=_WORKER_CONNECTIONS)
    client = _WorkerRedis(pool)
    # As `from_pool` does: the pool is this client's alone, and closed with it.
    client.auto_close_connection_pool = True
    return client


class _WorkerRedis(ArqRedis):
    async def close(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001 - redis-py's signature
        # arq calls the old name, which redis-py answers with a deprecation warning.
        await self.aclose(close_connection_pool)


class ArqQueue:
    """Rings arq's workers and the event streams. Its connections are opened as they are needed."""

    def __init__(self, url: str, *, metrics: Metrics) -> None:
        self._redis = connect(url, timeout_seconds=_RING_TIMEOUT_SECONDS)
        self._calls = RedisCalls("a ring", timeout_seconds=_RING_TIMEOUT_SECONDS)
        self._metrics = metrics

    async def ring(self, rings: Sequence[Ring]) -> bool:
        """Ring them, all or none; False when the queue could not be reached. Never raises for an outage."""
        if not rings:
            return True
        try:
            async with self._calls.call():
                await self._send(rings)
        except RedisAway as away:
            self._metrics.rings_lost(len(rings))
            if not away.again:
                log.warning("rings_lost", count=len(rings), reason=str(away))
            return False
        return True

    async def _send(self, rings: Sequence[Ring]) -> None:
        now_ms = time.time_ns() // 1_000_000
        # A transaction, so that a worker never sees a place in the queue without its job.
        async with self._redis.pipeline(transaction=True) as pipe:
            for ring in dict.fromkeys(rings):
                if isinstance(ring, Job):
                    _put_job(pipe, ring, now_ms)
                else:
                    _publish(pipe, ring)
            await pipe.execute()

    async def check(self) -> None:
        """Raises RedisAway when Redis does not answer."""
        async with self._calls.call():
            await self._redis.ping()

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _put_job(pipe: Any, job: Job, now_ms: int) -> None:
    """What arq 0.28 `ArqRedis.enqueue_job` stores, without its WATCH and two more round trips.

    arq looks first whether the job is there; here both writes simply do nothing when it is. No result is ever kept, so
    there is no result key to look for. A job half lost (its key expired, say) is made whole again.
    """
    start_ms = now_ms + round(job.delay_seconds * 1000)
    payload = serialize_job(job.name, (job.subject,), {}, None, now_ms)
    pipe.set(job_key_prefix + job.id, payload, px=start_ms - now_ms + _JOB_LIFE_MS, nx=True)
    pipe.zadd(queue_name(job.queue), {job.id: start_ms}, nx=True)


def _publish(pipe: Any, signal: Signal) -> None:
    pipe.publish(signal_channel(signal.user_id), b"")
