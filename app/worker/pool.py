"""A bounded pool of shielded tasks: no cancellation of arq's ever cancels work (architecture, "arq 0.28")."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Final

import structlog

log = structlog.get_logger(__name__)

Work = Callable[[], Awaitable[None]]

_GIVE_UP_SECONDS: Final = 5.0


class WorkPool:
    """At most `size` tasks at a time, and one task a key."""

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self._slots = asyncio.Semaphore(size)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    @property
    def keys(self) -> frozenset[str]:
        """What is being worked on."""
        return frozenset(self._tasks)

    async def run(self, key: str, work: Work) -> None:
        """Run and wait; returns at once when the key is being worked on.

        Cancelling the caller while the work runs leaves the work alone.
        """
        if key in self._tasks or self._closed:
            return
        await self._slots.acquire()
        if key in self._tasks or self._closed:
            self._slots.release()
            return
        await asyncio.shield(self._start(key, _run(work)))

    def try_start(self, key: str, work: Work) -> bool:
        """Start without waiting; False when the pool is full, closed, or works on the key already."""
        if key in self._tasks or self._closed or self._slots.locked():
            return False
        self._start(key, self._run_in_slot(work))
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

    async def _run_in_slot(self, work: Work) -> None:
        await self._slots.acquire()
        await work()

    def _start(self, key: str, body: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(body)
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._end(key))
        return task

    def _end(self, key: str) -> None:
        del self._tasks[key]
        self._slots.release()


async def _run(work: Work) -> None:
    await work()
