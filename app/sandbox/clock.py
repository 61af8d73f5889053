"""The sandbox's clock: real time plus an offset that it shares with the product through PostgreSQL."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg

from app.core.connections import driver_dsn
from app.sandbox.store import Store

_KEY: Final = "clock_offset_seconds"
_DATABASE_LIMIT_SECONDS: Final = 10.0
_WRITE: Final = """
INSERT INTO app_settings (key, value) VALUES ($1, $2::jsonb)
ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""


class ClockNotWritten(Exception):
    """The product's database could not take the new offset; the sandbox keeps the old one."""


class SandboxClock:
    """Time as Telegram's side and, through `app_settings`, the product see it."""

    def __init__(self, store: Store, database_url: str | None) -> None:
        self._store = store
        self._database_url = driver_dsn(database_url) if database_url else None
        self._lock = asyncio.Lock()
        self._offset_seconds = float(store.find_setting(_KEY) or 0.0)

    @property
    def offset_seconds(self) -> float:
        return self._offset_seconds

    def now(self) -> datetime:
        """UTC, with the offset."""
        return datetime.now(UTC) + timedelta(seconds=self._offset_seconds)

    def unix(self) -> int:
        """Whole seconds, as in `date` of a message."""
        return int(self.now().timestamp())

    async def advance(self, seconds: float) -> datetime:
        """Move both clocks forward; answers the new time once PostgreSQL has committed it.

        Raises: ClockNotWritten.
        """
        async with self._lock:
            offset = self._offset_seconds + seconds
            if self._database_url is not None:
                await _write(self._database_url, offset)
            self._store.put_setting(_KEY, offset)
            self._offset_seconds = offset
        return self.now()


async def _write(database_url: str, offset: float) -> None:
    try:
        async with asyncio.timeout(_DATABASE_LIMIT_SECONDS):
            connection = await asyncpg.connect(database_url)
            try:
                await connection.execute(_WRITE, _KEY, json.dumps(offset))
            finally:
                await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        message = f"the offset was not written to the database: {error}"
        raise ClockNotWritten(message) from error
