"""Waiting for a condition, with a limit, instead of sleeping."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_EVERY_SECONDS = 0.02


async def until(look: Callable[[], Awaitable[T] | T], *, limit_seconds: float = 20.0) -> T:
    """The first true value that `look` gives. Raises: TimeoutError."""
    async with asyncio.timeout(limit_seconds):
        while True:
            found = look()
            value = await found if inspect.isawaitable(found) else found
            if value:
                return value
            await asyncio.sleep(_EVERY_SECONDS)
