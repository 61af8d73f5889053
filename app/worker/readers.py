"""arq's workers, supervised: one Redis error ends arq's poll loop silently, so it is built anew with back-off."""

import asyncio
import time
from typing import Any, Final, Protocol

import structlog
from arq.connections import ArqRedis
from arq.worker import Function, Worker, func

from app.adapters.queue import connect_worker, queue_name
from app.core.jobs import Queue

log = structlog.get_logger(__name__)

# The default of 0.5 s costs 280 ms before a job starts; this costs 14 ms (architecture, "arq 0.28").
_POLL_SECONDS: Final = {Queue.GENERATION: 0.02, Queue.DELIVERY: 0.02, Queue.REST: 0.1}
# arq only waits for shielded work: after this it forgets the job, and a crashed worker's keys die as soon.
_JOB_TIMEOUT_SECONDS: Final = 10
# Before arq calls it a failure, with a traceback at the level of errors: what takes longer goes on in the pool.
_PATIENCE_SECONDS: Final = 8.0
# Keys of a crashed worker hide fresh jobs from the reader beyond this many.
_READ_LIMIT: Final = 2_000
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 2.0
_CLOSE_SECONDS: Final = 5.0


class Runnable(Protocol):
    """What a reader hands its jobs to."""

    def names(self, queue: Queue, /) -> list[str]:
        """The job names of a queue."""
        ...

    async def run(self, name: str, subject: str, /) -> None:
        """Do a job."""
        ...


class _Stopped(Exception):
    """The reader was told to stop."""


class _TimedWorker(Worker):
    """A worker that says when its loop last turned, and ends between two turns when it may pick no more jobs.

    Cancelling arq's loop instead would cut it off in the middle of a pipeline and leave its connection open.
    """

    turned_at: float = 0.0

    async def _poll_iteration(self) -> None:
        if not self.allow_pick_jobs:
            raise _Stopped
        await super()._poll_iteration()
        self.turned_at = time.monotonic()


class QueueReader:
    """Keeps one queue's arq worker going until it is stopped."""

    def __init__(
        self,
        queue: Queue,
        redis_url: str,
        jobs: Runnable,
        *,
        max_jobs: int,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        self._queue = queue
        self._redis_url = redis_url
        self._jobs = jobs
        self._max_jobs = max_jobs
        self._patience_seconds = patience_seconds
        self._worker: _TimedWorker | None = None
        self._stopping = False
        self._last_turn = time.monotonic()

    @property
    def age_seconds(self) -> float:
        """How long ago the loop last turned."""
        if self._worker is not None and self._worker.turned_at:
            self._last_turn = self._worker.turned_at
        return time.monotonic() - self._last_turn

    async def run(self) -> None:
        """Read the queue until `stop`."""
        pause = _FIRST_PAUSE_SECONDS
        while not self._stopping:
            began_at = time.monotonic()
            await self._read()
            if not self._is_stopping():
                # A loop that lived for a while has earned a quick restart.
                pause = _FIRST_PAUSE_SECONDS if time.monotonic() - began_at > pause * 10 else pause
                log.warning("queue_reader_ended", queue=self._queue.value, again_in_seconds=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _is_stopping(self) -> bool:
        return self._stopping

    def stop(self) -> None:
        """Pick no more jobs; what runs goes on in the pool."""
        self._stopping = True
        if self._worker is not None:
            self._worker.allow_pick_jobs = False

    async def _read(self) -> None:
        client = connect_worker(self._redis_url)
        worker = _TimedWorker(
            functions=[self._function(name) for name in self._jobs.names(self._queue)],
            queue_name=queue_name(self._queue),
            redis_pool=client,
            handle_signals=False,
            poll_delay=_POLL_SECONDS[self._queue],
            queue_read_limit=_READ_LIMIT,
            max_jobs=self._max_jobs,
            job_timeout=_JOB_TIMEOUT_SECONDS,
            keep_result=0,
            max_tries=1,
            health_check_interval=3600,
            log_results=False,
        )
        self._worker = worker
        try:
            await worker.async_run()
        except _Stopped:
            log.debug("queue_reader_stopped", queue=self._queue.value)
        except Exception as error:  # noqa: BLE001 - whatever ends arq's loop, the loop is built anew
            log.warning("queue_reader_failed", queue=self._queue.value, error=str(error))
        finally:
            # Also when nobody has asked for the age before: else a worker that has just ended looks long dead.
            self._last_turn = worker.turned_at or self._last_turn
            self._worker = None
            await _close(worker, client)

    def _function(self, name: str) -> Function:
        async def run(ctx: dict[Any, Any], *args: Any, **_options: Any) -> None:  # noqa: ARG001 - arq's own signature
            subject: str = args[0]
            try:
                async with asyncio.timeout(self._patience_seconds) as patience:
                    await self._jobs.run(name, subject)
            except TimeoutError:
                if not patience.expired():
                    raise
                log.debug("job_goes_on_in_the_pool", job=name, subject=subject)

        return func(run, name=name, keep_result=0, timeout=_JOB_TIMEOUT_SECONDS, max_tries=1)


async def _close(worker: Worker, client: ArqRedis) -> None:
    """Close a worker and its connections, whatever becomes of the jobs that it still waits for.

    arq cancels them and fails with the first: as an error of Redis, or as a cancellation that would end our reader.
    """
    closing = asyncio.ensure_future(worker.close())
    await asyncio.wait([closing, *worker.tasks.values()], timeout=_CLOSE_SECONDS)
    if closing.done() and not closing.cancelled() and (error := closing.exception()) is not None:
        log.debug("queue_reader_not_closed", error=str(error))
    try:
        await client.aclose(close_connection_pool=True)
    except Exception as error:  # noqa: BLE001 - Redis is away, which is why the worker is being closed
        log.debug("queue_connections_not_closed", error=str(error))
