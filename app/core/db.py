"""The database: one engine, read connections and transactions as different types, rings after commit.

Rules that once hurt are enforced here: no nested transaction, and no call to an outside system inside one.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import CursorResult, DateTime, Executable, Row, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from app.core.jobs import Ring, Ringer

log = structlog.get_logger(__name__)

# A frozen process must not hold a row or a transaction for longer than this, in any connection.
_TRANSACTION_TIMEOUT_MS: Final = 5_000
_STATEMENT_TIMEOUT_SECONDS: Final = 30.0
_CONNECT_TIMEOUT_SECONDS: Final = 5.0
# Nothing waits longer for a free connection: a request that cannot be served soon is better refused.
_POOL_TIMEOUT_SECONDS: Final = 10.0
# SQLSTATE (PostgreSQL, appendix A): connection, resources; shutdown, crash, start; a lock that was not given in time to
# us, a transaction that was frozen for too long, a deadlock of which we were the victim. All of them pass.
_AWAY_CLASSES: Final = frozenset({"08", "53"})
_AWAY_STATES: Final = frozenset({"57P01", "57P02", "57P03", "57P05", "55P03", "25P03", "40P01", "40001"})
_NO_PARAMS: Final[Mapping[str, object]] = {}

_open_transaction: ContextVar[str | None] = ContextVar("open_transaction", default=None)


class Base(DeclarativeBase):
    """The schema's registry. Rows are read and written with Core statements; there are no ORM sessions."""

    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012 - SQLAlchemy reads it from the class


def refuse_inside_transaction(what: str) -> None:
    """Fail when called inside a transaction: its connection and locks would wait for the network.

    Raises: AssertionError, in production too, since the pool would be exhausted by a few slow calls.
    """
    if _open_transaction.get() is not None:
        message = f"{what} inside a database transaction"
        raise AssertionError(message)


def violated_constraint(error: IntegrityError) -> str | None:
    """The name of the constraint or unique index that refused the statement."""
    cause = error.orig.__cause__ if error.orig is not None else None
    name = getattr(cause, "constraint_name", None)
    return name if isinstance(name, str) else None


class Reader:
    """A connection that reads. Statements commit by themselves; several see several snapshots."""

    __slots__ = ("_connection",)

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def execute(self, statement: Executable, params: Mapping[str, object] = _NO_PARAMS) -> CursorResult[Any]:
        """Run a Core statement or `text()`."""
        return await self._connection.execute(statement, params)

    async def one_or_none(self, statement: Executable, params: Mapping[str, object] = _NO_PARAMS) -> Row[Any] | None:
        """The single row, or None."""
        return (await self._connection.execute(statement, params)).one_or_none()

    async def all(self, statement: Executable, params: Mapping[str, object] = _NO_PARAMS) -> Sequence[Row[Any]]:
        """Every row; the statement must bound how many."""
        return (await self._connection.execute(statement, params)).all()

    async def scalar(self, statement: Executable, params: Mapping[str, object] = _NO_PARAMS) -> Any:
        """The first column of the first row, or None."""
        return (await self._connection.execute(statement, params)).scalar()


class Tx(Reader):
    """An open transaction. A function that takes one joins it, never commits, and never touches the network."""

    __slots__ = ("_rings",)

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection)
        self._rings: list[Ring] = []

    def after_commit(self, *rings: Ring) -> None:
        """Ring these once the transaction is committed; a rollback forgets them."""
        self._rings.extend(ring for ring in rings if ring not in self._rings)

    @property
    def rings(self) -> Sequence[Ring]:
        return tuple(self._rings)


class Database:
    """The engine and its two doors: `read` and `transaction`."""

    def __init__(self, url: str, *, pool_size: int = 10, max_overflow: int = 20, name: str = "starbrush") -> None:
        self._engine = _create_engine(url, pool_size=pool_size, max_overflow=max_overflow, name=name)
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._ringer: Ringer | None = None

    def ring_with(self, ringer: Ringer) -> None:
        """Set who delivers rings after a commit (the container, once the queue exists)."""
        self._ringer = ringer

    @property
    def engine(self) -> AsyncEngine:
        """For migrations and health figures of the pool."""
        return self._engine

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Reader]:
        """A connection for reading, given back at the end of the block."""
        refuse_inside_transaction("a second connection")
        async with self._reading.connect() as connection:
            yield Reader(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """One transaction: commits at the end of the block, rolls back on any exception, then rings.

        Raises: AssertionError when one is already open in this task.
        """
        refuse_inside_transaction("a nested transaction")
        async with self._engine.connect() as connection:
            tx = Tx(connection)
            token = _open_transaction.set("open")
            try:
                async with connection.begin():
                    yield tx
            finally:
                _open_transaction.reset(token)
        if tx.rings and self._ringer is not None:
            await self._ringer.ring(tx.rings)

    async def ping(self) -> None:
        """Raises when the database does not answer."""
        async with self.read() as reader:
            await reader.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _create_engine(url: str, *, pool_size: int, max_overflow: int, name: str) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=_POOL_TIMEOUT_SECONDS,
        connect_args={
            "timeout": _CONNECT_TIMEOUT_SECONDS,
            "command_timeout": _STATEMENT_TIMEOUT_SECONDS,
            "server_settings": {
                "application_name": name,
                "idle_in_transaction_session_timeout": str(_TRANSACTION_TIMEOUT_MS),
                "lock_timeout": str(_TRANSACTION_TIMEOUT_MS),
                "jit": "off",
            },
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_dead_connection)
    return engine


def _refuse_dead_connection(dbapi_connection: Any, _record: object, _proxy: object) -> None:
    """Drop a pooled connection whose socket the server has closed.

    asyncpg notices a server restart at once, so this costs nothing, while a ping would cost a round trip a checkout.
    """
    if dbapi_connection.driver_connection.is_closed():
        raise DisconnectionError


def is_outage(error: BaseException) -> bool:
    """Whether the database was away or refused for now, as opposed to our statement being wrong."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or _is_connection_error(error.orig)
    return isinstance(error, OSError | TimeoutError | PoolTimeout)


def _is_connection_error(error: BaseException | None) -> bool:
    state = str(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or "")
    return state[:2] in _AWAY_CLASSES or state in _AWAY_STATES or isinstance(error, OSError | TimeoutError)
