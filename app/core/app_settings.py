"""Settings that change at run time: one JSON value a key, in PostgreSQL, the same for every process."""

from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Reader, Tx


class AppSetting(Base):
    """A run-time setting."""

    __tablename__ = "app_settings"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB, nullable=False)


_GET = text("SELECT value FROM app_settings WHERE key = :key").columns(value=JSONB)
_PUT = text(
    """
    INSERT INTO app_settings (key, value) VALUES (:key, :value)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value
    """
).bindparams(bindparam("value", type_=JSONB))


async def find_setting(reader: Reader, key: str) -> Any:
    """The value, or None when it was never set."""
    return await reader.scalar(_GET, {"key": key})


async def put_setting(tx: Tx, key: str, value: object) -> None:
    """Set or replace a value; it must be representable as JSON."""
    await tx.execute(_PUT, {"key": key, "value": value})
