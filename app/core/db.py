"""The database: one pool, read connections and transactions as different types, rings after commit.

Rules that once hurt are enforced here: no nested transaction, and no call to an outside system inside one.
"""

import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import DateTime, Executable, Row, text
from sqlalchemy.exc import DBAPIError, IntegrityError, MultipleResultsFound
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase

from app.core.connections import ConnectionPool, Result, Session, connect, driver_dsn
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
# Of what the system says, only this is about the way to the server; a missing file or a full disk is not.
_AWAY_ERRORS: Final = (ConnectionError, TimeoutError, socket.gaierror, ssl.SSLError)
_SERVER_SETTINGS: Final = {
    "idle_in_transaction_session_timeout": str(_TRANSACTION_TIMEOUT_MS),
    "lock_timeout": str(_TRANSACTION_TIMEOUT_MS),
    "jit": "off",
}
_PING: Final = text("SELECT 1")
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
    name = getattr(error.orig, "constraint_name", None)
    return name if isinstance(name, str) else None


class Reader:
    """A connection that reads. Statements commit by themselves; several see several snapshots."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def execute(self, statement: Executable, params: Mapping[str, object] = _NO_PARAMS) -> Result:
        """Run a `text()` statement."""
        return await self._run(statement, params)

    async def one_or_none(self, statement: Executable, params: Mapping[str, object] = _NO_PARAMS) -> Row[Any] | None:
        """The single row, or None. Raises: MultipleResultsFound."""
        rows = (await self._run(statement, params)).rows
        if len(rows) > 1:
            message = f"{len(rows)} rows where one was expected"
            raise MultipleResultsFound(message)
        return rows[0] if rows else None

    async def all(self, statement: Executable, params: Mapping[str, object] = _NO_PARAMS) -> Sequence[Row[Any]]:
        """Every row; the statement must bound how many."""
        return (await self._run(statement, params)).rows

    async def scalar(self, statement: Executable, params: Mapping[str, object] = _NO_PARAMS) -> Any:
        """The first column of the first row, or None."""
        rows = (await self._run(statement, params)).rows
        return rows[0][0] if rows else None

    async def _run(self, statement: Executable, params: Mapping[str, object]) -> Result:
        return await self._session.run(statement, params)


class Tx(Reader):
    """An open transaction. A function that takes one joins it, never commits, and never touches the network."""

    __slots__ = ("_rings",)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._rings: list[Ring] = []

    def after_commit(self, *rings: Ring) -> None:
        """Ring these once the transaction is committed; a rollback forgets them."""
        self._rings.extend(ring for ring in rings if ring not in self._rings)

    @property
    def rings(self) -> Sequence[Ring]:
        return tuple(self._rings)


class _SingleTx(Tx):
    """Takes one statement, which the server commits by itself."""

    __slots__ = ("_used",)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._used = False

    async def _run(self, statement: Executable, params: Mapping[str, object]) -> Result:
        if self._used:
            message = "a second statement in a transaction of one"
            raise AssertionError(message)
        self._used = True
        return await super()._run(statement, params)


class Database:
    """The pool and its doors: `read`, `transaction`, and `single` for one of one statement.

    Connects when it is first used.
    """

    def __init__(self, url: str, *, pool_size: int = 10, max_overflow: int = 20, name: str = "starbrush") -> None:
        dsn = driver_dsn(url)
        settings = {**_SERVER_SETTINGS, "application_name": name}
        self._pool = ConnectionPool(
            lambda: connect(
                dsn,
                timeout_seconds=_CONNECT_TIMEOUT_SECONDS,
                statement_timeout_seconds=_STATEMENT_TIMEOUT_SECONDS,
                server_settings=settings,
            ),
            kept=pool_size,
            most=pool_size + max_overflow,
            wait_seconds=_POOL_TIMEOUT_SECONDS,
        )
        self._ringer: Ringer | None = None

    def ring_with(self, ringer: Ringer) -> None:
        """Set who delivers rings after a commit (the container, once the queue exists)."""
        self._ringer = ringer

    @property
    def connections_in_use(self) -> int:
        """How many connections of the pool are out."""
        return self._pool.in_use

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Reader]:
        """A connection for reading, given back at the end of the block."""
        refuse_inside_transaction("a second connection")
        async with self._session() as session:
            yield Reader(session)

    @asynccontextmanager
    async def single(self) -> AsyncIterator[Tx]:
        """A transaction of one statement, without the round trips of BEGIN and COMMIT; then rings.

        The statement stands once it has been run, whatever the block raises after it; rings are forgotten then.
        Raises: AssertionError when a transaction is open in this task, and for a second statement.
        """
        refuse_inside_transaction("a nested transaction")
        token = _open_transaction.set("open")
        try:
            async with self._session() as session:
                tx = _SingleTx(session)
                yield tx
        finally:
            _open_transaction.reset(token)
        await self._ring(tx)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """One transaction: commits at the end of the block, rolls back on any exception, then rings.

        Raises: AssertionError when one is already open in this task, or when the block swallowed the failure of a
        statement: the server has rolled back then.
        """
        refuse_inside_transaction("a nested transaction")
        session = await self._pool.take()
        token = _open_transaction.set("open")
        tx = Tx(session)
        try:
            await session.command("BEGIN")
            yield tx
            await _commit(session)
        except BaseException as error:
            await self._roll_back(session, error)
            raise
        finally:
            _open_transaction.reset(token)
        await self._pool.give_back(session)
        await self._ring(tx)

    async def ping(self) -> None:
        """Raises when the database does not answer."""
        async with self.read() as reader:
            await reader.execute(_PING)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        """A connection in which nothing is opened."""
        session = await self._pool.take()
        try:
            yield session
        except BaseException as error:
            if _is_left_in_order(error):
                await self._pool.give_back(session)
            else:
                self._pool.discard(session)
            raise
        await self._pool.give_back(session)

    async def _ring(self, tx: Tx) -> None:
        if tx.rings and self._ringer is not None:
            await self._ringer.ring(tx.rings)

    async def _roll_back(self, session: Session, error: BaseException) -> None:
        if not _is_left_in_order(error) or session.is_closed:
            self._pool.discard(session)
            return
        try:
            await session.command("ROLLBACK")
        except (DBAPIError, OSError, TimeoutError):
            # Cut off, it is rolled back all the same; the caller sees what ended the transaction.
            self._pool.discard(session)
        except BaseException:
            self._pool.discard(session)
            raise
        else:
            await self._pool.give_back(session)


async def _commit(session: Session) -> None:
    """COMMIT is answered with ROLLBACK when a statement has failed and nobody let that be known."""
    if await session.command("COMMIT") != "COMMIT":
        message = "committed a transaction in which a statement had failed"
        raise AssertionError(message)


def _is_left_in_order(error: BaseException) -> bool:
    """Whether the connection stands between two statements: a cancelled or overdue one may still be running."""
    return isinstance(error, Exception) and not isinstance(error, TimeoutError)


def is_outage(error: BaseException) -> bool:
    """Whether the database was away or refused for now, as opposed to our statement or address being wrong."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or _is_connection_error(error.orig)
    return isinstance(error, (*_AWAY_ERRORS, PoolTimeout))


def _is_connection_error(error: BaseException | None) -> bool:
    state = str(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or "")
    return state[:2] in _AWAY_CLASSES or state in _AWAY_STATES or isinstance(error, _AWAY_ERRORS)
