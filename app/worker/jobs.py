"""What each kind of job does, and the outermost border of work: here, and only here, everything is caught."""

import math
import time
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

import structlog

from app.container import Container
from app.core.db import is_outage
from app.core.jobs import Job, Queue
from app.core.logging import log_context
from app.domain.delivery.outbox import JOB_NAME as DELIVER
from app.domain.generations.accept import JOB_NAME as GENERATE
from app.domain.generations.claims import PROGRESS_JOB
from app.domain.generations.collecting import DELETE_JOB
from app.domain.generations.settle import MONEY_BACK_JOB
from app.domain.inbox.service import INBOX_JOB
from app.domain.payments.card_events import CHECK_JOB
from app.domain.payments.returns import REFUND_JOB, STOP_RENEWAL_JOB
from app.domain.ports import StorageUnavailable
from app.domain.referrals.rewards import REFERRAL_JOB
from app.domain.uploads.service import ERASE_JOB
from app.worker.pool import WorkPool

log = structlog.get_logger(__name__)

_REST_POOL_SIZE: Final = 8
# A pool that is used for less than this part of its size takes its own process's work without asking the others.
_IDLE_SHARE: Final = 4


class Jobs:
    """The jobs of this process. `owner` is the process's id in leases; it changes when they are lost."""

    def __init__(self, container: Container, owner: UUID) -> None:
        self._services = container.services
        self._metrics = container.metrics
        self.owner = owner
        self.leased_until = math.inf
        """Until when (monotonic) this process may begin work: one lease time after its last heartbeat."""
        settings = container.settings
        self.pools: dict[Queue, WorkPool] = {
            Queue.GENERATION: WorkPool("generation", settings.pool_size),
            Queue.DELIVERY: WorkPool("delivery", settings.delivery_pool_size),
            Queue.REST: WorkPool("rest", _REST_POOL_SIZE),
        }
        self._work: dict[str, tuple[Queue, Callable[[str], Awaitable[None]]]] = {
            GENERATE: (Queue.GENERATION, self._generate),
            DELIVER: (Queue.DELIVERY, self._deliver),
            PROGRESS_JOB: (Queue.REST, self._show_progress),
            DELETE_JOB: (Queue.REST, self._collect),
            INBOX_JOB: (Queue.REST, self._handle_event),
            REFUND_JOB: (Queue.REST, self._refund),
            STOP_RENEWAL_JOB: (Queue.REST, self._stop_renewal),
            CHECK_JOB: (Queue.REST, self._check_card_order),
            REFERRAL_JOB: (Queue.REST, self._settle_referral),
            ERASE_JOB: (Queue.REST, self._erase_upload),
            MONEY_BACK_JOB: (Queue.REST, self._owe_money_back),
        }

    def names(self, queue: Queue) -> list[str]:
        """The job names of a queue."""
        return [name for name, (its_queue, _) in self._work.items() if its_queue is queue]

    async def run(self, name: str, subject: str) -> None:
        """Do a job in its pool and wait for it; returns at once when it is being done."""
        queue, _ = self._work[name]
        pool = self.pools[queue]
        await pool.run(f"{name}:{subject}", lambda: self._do(name, subject))
        self._metrics.pool_in_use(queue.value, len(pool.keys))

    def try_start(self, job: Job) -> bool:
        """Do a job without the queue, if its pool has room."""
        return self.pools[job.queue].try_start(f"{job.name}:{job.subject}", lambda: self._do(job.name, job.subject))

    def start_if_idle(self, job: Job) -> bool:
        """Do a job without the queue, if this process has room to spare; otherwise others shall have a chance of it.

        A delivery needs no more than room: what it sends is often still in this process's memory.
        """
        return (job.queue is Queue.DELIVERY or self.is_lightly_used) and self.try_start(job)

    @property
    def is_lightly_used(self) -> bool:
        """Whether this process works on few generations for its size."""
        pool = self.pools[Queue.GENERATION]
        return len(pool.keys) < pool.size // _IDLE_SHARE

    def running_generations(self) -> list[UUID]:
        """The generations that this process works on right now."""
        return [UUID(key.partition(":")[2]) for key in self.pools[Queue.GENERATION].keys]

    def running_deliveries(self) -> list[int]:
        """The deliveries that this process is sending right now."""
        return [int(key.partition(":")[2]) for key in self.pools[Queue.DELIVERY].keys]

    async def _do(self, name: str, subject: str) -> None:
        _, work = self._work[name]
        if time.monotonic() > self.leased_until:
            # This process was frozen or cut off: what it began now would be taken over at once (trap 19).
            log.warning("job_postponed", job=name, subject=subject, error="no heartbeat for a lease time")
            return
        with log_context(job=name, subject=subject):
            try:
                await work(subject)
            except Exception as error:  # the outermost border of work: the sweep comes back to the row
                if is_outage(error):
                    log.warning("job_postponed", error=str(error))
                    return
                log.exception("job_failed")
                await self._record_fault(name, subject, error)

    async def _record_fault(self, name: str, subject: str, error: Exception) -> None:
        try:
            if name == GENERATE:
                await self._services.runner.record_fault(UUID(subject), owner=self.owner, error=error)
            elif name == DELIVER:
                await self._services.deliveries.record_fault(int(subject), owner=self.owner, error=error)
            elif name == INBOX_JOB:
                await self._services.inbox.record_failure(int(subject), error)
        except Exception:
            log.warning("fault_not_recorded", exc_info=True)

    async def _generate(self, subject: str) -> None:
        with log_context(generation_id=subject):
            await self._services.runner.run(UUID(subject), owner=self.owner)

    async def _deliver(self, subject: str) -> None:
        await self._services.deliveries.deliver(int(subject), owner=self.owner)

    async def _show_progress(self, subject: str) -> None:
        await self._services.progress.show(UUID(subject))

    async def _handle_event(self, subject: str) -> None:
        await self._services.inbox.handle(int(subject))

    async def _refund(self, subject: str) -> None:
        await self._services.refunds.finish(UUID(subject))

    async def _check_card_order(self, subject: str) -> None:
        await self._services.card_events.check(UUID(subject))

    async def _stop_renewal(self, subject: str) -> None:
        await self._services.subscriptions.stop_renewal(UUID(subject))

    async def _settle_referral(self, subject: str) -> None:
        await self._services.referrals.settle(int(subject))

    async def _owe_money_back(self, subject: str) -> None:
        await self._services.money_back.owe(UUID(subject))

    async def _erase_upload(self, subject: str) -> None:
        try:
            await self._services.uploads.erase(UUID(subject))
        except StorageUnavailable as error:
            # The sweep finds it again.
            log.warning("upload_not_erased", error=str(error))

    async def _collect(self, subject: str) -> None:
        try:
            await self._services.collector.collect(UUID(subject))
        except StorageUnavailable as error:
            # The sweep finds deleted generations whose objects are still there.
            log.warning("objects_not_collected", error=str(error))
