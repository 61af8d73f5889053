"""Finds what is due and not being worked on, and rings for it: lost rings, dead owners, polls, waits that are over.

A plain loop in each worker process: it must outlive Redis, so it is no arq cron, and it keeps no session lock that a
frozen process could hold. When the queue cannot be rung, it starts the work itself within the pool's size.
"""

import asyncio
import time
from typing import Final

import structlog

from app.container import Container
from app.core.jobs import Job
from app.worker.jobs import Jobs

log = structlog.get_logger(__name__)

_TIDY_EVERY: Final = 20


class Sweep:
    """The sweep of one process."""

    def __init__(self, container: Container, jobs: Jobs) -> None:
        self._services = container.services
        self._settings = container.settings
        self._queue = container.queue
        self._metrics = container.metrics
        self._jobs = jobs
        self._stopping = False
        self._ended_at = time.monotonic()
        self._count = 0

    @property
    def age_seconds(self) -> float:
        """How long ago the last sweep ended."""
        return time.monotonic() - self._ended_at

    def stop(self) -> None:
        """Begin no further sweep."""
        self._stopping = True

    async def run(self) -> None:
        """Sweep until `stop`."""
        while not self._stopping:
            try:
                await self.sweep()
            except Exception as error:  # noqa: BLE001 - the loop outlives whatever one sweep meets
                log.warning("sweep_failed", error=str(error))
            else:
                self._ended_at = time.monotonic()
            self._metrics.sweep_age(self.age_seconds)
            await asyncio.sleep(self._settings.sweep_seconds)

    async def sweep(self) -> None:
        """One sweep."""
        jobs = await self._due()
        if not jobs:
            return
        log.debug("sweep_rings", jobs=len(jobs))
        if not await self._queue.ring(jobs):
            started = sum(self._jobs.try_start(job) for job in jobs)
            log.info("sweep_works_itself", due=len(jobs), started=started)

    async def _due(self) -> list[Job]:
        settings = self._settings
        deliveries = await self._services.deliveries.ring_due(
            owner=self._jobs.owner,
            running=self._jobs.running_deliveries(),
            first_seconds=settings.ring_first_seconds,
            longest_seconds=settings.ring_longest_seconds,
            limit=settings.rings_per_sweep,
        )
        generations = await self._services.runner.ring_due(
            owner=self._jobs.owner,
            running=self._jobs.running_generations(),
            first_seconds=settings.ring_first_seconds,
            longest_seconds=settings.ring_longest_seconds,
            limit=settings.rings_per_sweep,
        )
        money = await self._services.inbox.ring_due(limit=settings.rings_per_sweep)
        money += await self._services.refunds.ring_due(limit=settings.rings_per_sweep)
        money += await self._services.card_events.ring_due(limit=settings.rings_per_sweep)
        money += await self._services.referrals.ring_due(limit=settings.rings_per_sweep)
        money += await self._services.money_back.ring_due(limit=settings.rings_per_sweep)
        self._count += 1
        collected: list[Job] = []
        if self._count % _TIDY_EVERY == 0:
            await self._services.drafts.purge()
            await self._services.inbox.purge()
            await self._services.orders.purge()
            collected = await self._services.collector.ring_due(limit=settings.rings_per_sweep)
            collected += await self._services.uploads.ring_due(limit=settings.rings_per_sweep)
            collected += await self._services.subscriptions.ring_stops(limit=settings.rings_per_sweep)
        return deliveries + generations + money + collected
