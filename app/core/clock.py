"""The product's clock: the database's own, plus an offset that the sandbox may set outside production.

`clock_now()` is an SQL function (first migration). Expiry, grace, escrow, quotas, rate windows and the age of
initData use it; leases, waits, timeouts, polls, rings and retries use plain `now()`.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import text

from app.core.db import Reader

OFFSET_KEY: Final = "clock_offset_seconds"

_NOW = text("SELECT clock_now()")


async def product_now(reader: Reader) -> datetime:
    """The product's time, UTC."""
    now: datetime = await reader.scalar(_NOW)
    return now
