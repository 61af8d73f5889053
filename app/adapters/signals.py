"""Wakes open event streams: one Redis subscription a process, handed on to whoever listens here."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from redis.exceptions import RedisError

from app.adapters.queue import SIGNAL_CHANNELS, signal_user
from app.adapters.redis_connection import connect
from app.core.db import refuse_inside_transaction

log = structlog.get_logger(__name__)

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0
_CANCEL_AGAIN_SECONDS: Final = 0.1
# A connection that says nothing for so long is asked whether it lives, and given up after as long again.
_QUIET_SECONDS: Final = 10.0


class RedisSignals:
    """The Signals port. Between `open()` and `close()` one task reads; it outlives every outage of Redis."""

    def __init__(self, url: str) -> None:
        self._redis = connect(url)
        self._listeners: defaultdict[int, set[_Listener]] = defaultdict(set)
        self._reader: asyncio.Task[None] | None = None
        self._subscribed = asyncio.Event()

    async def open(self) -> None:
        """Begin to read; returns at once, whether Redis is there or not."""
        self._reader = asyncio.create_task(self._read_for_ever(), name="signals")

    async def close(self) -> None:
        """Stop reading and end every listener's iteration."""
        # redis-py swallows a cancellation that falls into its connecting, so one may not be enough.
        while self._reader is not None and not self._reader.done():
            self._reader.cancel()
            await asyncio.wait({self._reader}, timeout=_CANCEL_AGAIN_SECONDS)
        for listener in self._all_listeners():
            listener.end()
        await self._redis.aclose()

    async def wait_until_subscribed(self) -> None:
        """Return once signals arrive here: for tests and for a start that must miss nothing."""
        await self._subscribed.wait()

    @asynccontextmanager
    async def listen(self, user_id: int) -> AsyncIterator[AsyncIterator[None]]:
        """Yields an iterator that turns once for each signal to this user; several may be folded into one."""
        refuse_inside_transaction("waiting for signals")
        listener = _Listener()
        self._listeners[user_id].add(listener)
        try:
            yield listener.turns()
        finally:
            self._listeners[user_id].discard(listener)
            if not self._listeners[user_id]:
                del self._listeners[user_id]

    async def _read_for_ever(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                async with self._redis.pubsub() as subscription:
                    await subscription.psubscribe(SIGNAL_CHANNELS)
                    await self._read(subscription)
            except (RedisError, OSError, TimeoutError) as error:
                if self._subscribed.is_set():
                    pause = _FIRST_PAUSE_SECONDS
                self._subscribed.clear()
                log.warning("signals_away", error=type(error).__name__, again_in_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _read(self, subscription: Any) -> None:
        """Hand on what arrives, until the connection is lost. Raises: RedisError, OSError, TimeoutError."""
        asked = False
        while True:
            message = await subscription.get_message(timeout=_QUIET_SECONDS)
            if message is None:
                if asked:
                    raise TimeoutError
                await subscription.ping()
                asked = True
                continue
            asked = False
            if message["type"] == "psubscribe":
                self._subscribed.set()
                # What was published while nobody read is lost, so everybody looks for themselves once.
                for listener in self._all_listeners():
                    listener.wake()
            elif message["type"] == "pmessage":
                for listener in self._listeners.get(signal_user(message["channel"]), ()):
                    listener.wake()

    def _all_listeners(self) -> list["_Listener"]:
        return [listener for listeners in self._listeners.values() for listener in listeners]


class _Listener:
    """One open stream: signals that come while it is busy are folded into one."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._ended = False

    def wake(self) -> None:
        self._woken.set()

    def end(self) -> None:
        self._ended = True
        self._woken.set()

    async def turns(self) -> AsyncIterator[None]:
        while True:
            await self._woken.wait()
            self._woken.clear()
            if self._ended:
                return
            yield
