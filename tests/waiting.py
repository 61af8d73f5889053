"""Waiting for a condition, with a limit, instead of sleeping."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, overload

from sqlalchemy import text

T = TypeVar("T")

# Of what is promised no time: the wait ends with the condition, and this only names what never comes.
LIMIT_SECONDS = 60.0
_EVERY_SECONDS = 0.02

# Whether another transaction waits for a lock of this one.
SOMEBODY_WAITS_FOR_US = text(
    "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid)"
)


@overload
async def until(look: Callable[[], Coroutine[Any, Any, T | None]], *, limit_seconds: float = LIMIT_SECONDS) -> T: ...
@overload
async def until(look: Callable[[], T | None], *, limit_seconds: float = LIMIT_SECONDS) -> T: ...
async def until(look: Callable[[], Any], *, limit_seconds: float = LIMIT_SECONDS) -> Any:
    """The first true value that `look` gives, at once or awaited. Raises: TimeoutError."""
    async with asyncio.timeout(limit_seconds):
        while True:
            found = look()
            value = await found if inspect.isawaitable(found) else found
            if value:
                return value
            await asyncio.sleep(_EVERY_SECONDS)
