"""A bounded pool of shielded tasks: no cancellation of arq's ever cancels work (architecture, "arq 0.28")."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

log = structlog.get_logger(__name__)

Work = Callable[[], Awaitable[None]]

_GIVE_UP_SECONDS: Final = 5.0


class WorkPool:
    """At most `size` tasks work at a time, and one a key; the others wait."""

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self._slots = asyncio.Semaphore(size)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    @property
    def keys(self) -> frozenset[str]:
        """What is being worked on."""
        return frozenset(self._tasks)

    async def run(self, key: str, work: Work) -> None:
        """Run and wait; returns at once when the key is being worked on.

        Cancelling the caller leaves the work alone.
        """
        if key in self._tasks or self._closed:
            return
        await asyncio.shield(self._start(key, work))

    def try_start(self, key: str, work: Work) -> bool:
        """Start without waiting; False when the pool is full, closed, or works on the key already."""
        if key in self._tasks or self._closed or self._slots.locked():
            return False
        self._start(key, work)
        return True

    async def drain(self, seconds: float) -> None:
        """Take nothing new, wait for what runs, cancel what has not ended in time."""
        self._closed = True
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=seconds)
        await self._cancel_all("drain")

    async def abandon(self) -> None:
        """Cancel everything at once: this process has lost its leases."""
        await self._cancel_all("leases lost")

    async def _cancel_all(self, reason: str) -> None:
        tasks = list(self._tasks.values())
        if not tasks:
            return
        log.warning("work_cancelled", pool=self.name, tasks=len(tasks), reason=reason)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=_GIVE_UP_SECONDS)

    def _start(self, key: str, work: Work) -> asyncio.Task[None]:
        task = asyncio.create_task(self._run_in_slot(work))
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._tasks.pop(key))
        return task

    async def _run_in_slot(self, work: Work) -> None:
        # The slot is held by the work itself: one that is cancelled while it waits has none to give back.
        async with self._slots:
            # Whoever still waited when the pool was closed is the next process's business.
            if not self._closed:
                await work()
