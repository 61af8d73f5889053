"""Alembic's entry: runs the migrations over the URL that the command line or a test hands in."""

import asyncio
from importlib import import_module

import asyncpg
from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from app.core.connections import driver_dsn
from app.core.db import Base

_DOMAIN = (
    "users credits catalog limits audit delivery alerts inbox promotions referrals uploads avatars generations payments"
)
for module in _DOMAIN.split():
    import_module(f"app.domain.{module}.models")
for module in ("app_settings", "leases"):
    import_module(f"app.core.{module}")

# Two processes that start together migrate one after the other.
_MIGRATION_LOCK = 7_305_810_001


def _migrate(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
    connection.commit()
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATION_LOCK})
    connection.commit()


async def _main() -> None:
    dsn = driver_dsn(context.config.get_main_option("sqlalchemy.url", ""))
    # The driver reads the address itself, as it does in the app: its TLS options have other names in SQLAlchemy.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(dsn), poolclass=pool.NullPool
    )
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)
    await engine.dispose()


asyncio.run(_main())
