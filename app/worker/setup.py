"""The worker of a process: heartbeat, queue readers, sweep, and the minute's checks; started and drained as one."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from app.container import Container
from app.core.ids import new_id
from app.core.jobs import Queue
from app.domain.ports import StarsRefused, StarsUnavailable
from app.worker.bell import Bell
from app.worker.jobs import Jobs
from app.worker.readers import QueueReader
from app.worker.sweep import Sweep

log = structlog.get_logger(__name__)

_CHECK_SECONDS: Final = 60.0
_CHECKS_AN_HOUR: Final = 60
_WARNINGS_A_MINUTE: Final = 500
_REGISTER_PAUSE_SECONDS: Final = 1.0
# The readers turn fifty times a second; an age beyond this means that Redis or the loop is gone.
_READER_ALERT_SECONDS: Final = 60.0


class WorkerService:
    """Everything in this process that works on what is owed."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._settings = container.settings
        self._runner = container.services.runner
        self._jobs = Jobs(container, new_id())
        self._sweep = Sweep(container, self._jobs)
        redis_url = self._settings.redis_url.get_secret_value()
        sizes = {
            Queue.GENERATION: self._settings.pool_size,
            Queue.DELIVERY: self._settings.delivery_pool_size,
            Queue.REST: 8,
        }
        self._readers = [QueueReader(queue, redis_url, self._jobs, max_jobs=size) for queue, size in sizes.items()]
        self._tasks: list[asyncio.Task[None]] = []
        self._checks = 0
        container.worker_age_seconds = self.age_seconds

    def age_seconds(self) -> float:
        """The age of the slowest loop: sweep or queue reader."""
        return max(self._sweep.age_seconds, *(reader.age_seconds for reader in self._readers))

    async def start(self) -> None:
        """Register this process and begin to work."""
        await self._register()
        self._container.db.ring_with(Bell(self._container.queue, self._jobs))
        loops: list[Callable[[], Awaitable[None]]] = [
            *(reader.run for reader in self._readers),
            self._sweep.run,
            self._beat_for_ever,
            self._check_for_ever,
        ]
        self._tasks = [asyncio.ensure_future(_named(loop)) for loop in loops]

    async def stop(self) -> None:
        """Pick nothing new, let what runs end within the drain limit, give the leases back."""
        self._container.db.ring_with(self._container.queue)
        for reader in self._readers:
            reader.stop()
        self._sweep.stop()
        await asyncio.gather(*(pool.drain(self._settings.drain_seconds) for pool in self._jobs.pools.values()))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(Exception):  # without the database the leases simply expire
            await self._runner.release(self._jobs.owner)

    async def _register(self) -> None:
        while True:
            began_at = time.monotonic()
            try:
                beat = await self._runner.register(self._jobs.owner, name=f"{socket.gethostname()}:{os.getpid()}")
            except Exception as error:  # noqa: BLE001 - the database may come later than we do
                log.warning("process_not_registered", error=str(error))
                await asyncio.sleep(_REGISTER_PAUSE_SECONDS)
            else:
                self._jobs.leased_until = began_at + self._settings.lease_seconds
                self._container.messenger.set_share(max(1, beat.living_processes))
                return

    async def _beat_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._settings.heartbeat_seconds)
            began_at = time.monotonic()
            try:
                # One that hangs must not keep the next from being tried.
                async with asyncio.timeout(self._settings.heartbeat_seconds):
                    beat = await self._runner.beat(self._jobs.owner)
            except Exception as error:  # noqa: BLE001 - the next beat may come through
                log.warning("heartbeat_failed", error=str(error))
                continue
            self._container.messenger.set_share(max(1, beat.living_processes))
            if beat.alive:
                self._jobs.leased_until = began_at + self._settings.lease_seconds
            else:
                await self._begin_anew()

    async def _begin_anew(self) -> None:
        """This process was frozen for longer than a lease: others have its work (trap 19)."""
        log.error("leases_lost", owner=str(self._jobs.owner))
        for pool in self._jobs.pools.values():
            await pool.abandon()
        self._jobs.owner = new_id()
        await self._register()

    async def _check_for_ever(self) -> None:
        """The minute's checks: the books, the queue's age, the readers, the catalogue."""
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            await self.check()

    async def check(self) -> None:
        """Every check once, whatever becomes of the others; each hour's first also does what is due hourly."""
        services = self._container.services
        checks: list[Callable[[], Awaitable[object]]] = [
            services.books.check_touched,
            services.books.check_queue,
            self._check_readers,
            self._check_catalogue,
            self._warn_of_ends,
            self._reconcile,
        ]
        if self._checks % _CHECKS_AN_HOUR == 0:
            checks.append(services.refunds.forget_payers)
        self._checks += 1
        for check in checks:
            try:
                await check()
            except Exception:
                log.exception("minute_check_failed", check=check.__qualname__)

    async def _warn_of_ends(self) -> None:
        await self._container.services.subscriptions.warn_of_ends(limit=_WARNINGS_A_MINUTE)

    async def _reconcile(self) -> None:
        """Telegram's list of transactions against ours, once an hour over all processes."""
        try:
            report = await self._container.services.reconciliation.run_hourly()
        except (StarsUnavailable, StarsRefused) as error:
            log.warning("stars_not_reconciled", error=error.detail)
            return
        if report is not None and (report.credited or report.refunded):
            await self._container.services.alerts.raise_("payments-missing", "alert-payments-missing", report.as_json())

    async def _check_catalogue(self) -> None:
        for slip in await self._container.services.catalog.list_slips():
            place, _, demand = slip.partition(": ")
            await self._container.services.alerts.raise_(
                f"catalogue-invalid:{place}", "alert-catalogue-invalid", {"row": place, "demand": demand}
            )

    async def _check_readers(self) -> None:
        now = time.monotonic()
        for reader in self._readers:
            if reader.age_seconds > _READER_ALERT_SECONDS:
                log.error("queue_reader_stalled", age_seconds=reader.age_seconds, now=now)
                await self._container.services.alerts.raise_(
                    "worker-down", "alert-worker-down", {"seconds": round(reader.age_seconds)}
                )
                return


async def _named(loop: Callable[[], Awaitable[None]]) -> None:
    await loop()
