"""Connections to PostgreSQL: a bounded pool, and sessions that keep their statements prepared.

SQLAlchemy writes the statements, asyncpg runs them; what asyncpg raises leaves as SQLAlchemy's exceptions.
"""

import asyncio
import errno
import itertools
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement
from sqlalchemy import Executable, Row
from sqlalchemy.engine import result_tuple
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.statements import compiled

_CLOSE_SECONDS: Final = 2.0
# Sessions above those that are always kept live on for so long: under load they are wanted again at once, and a new one
# costs a sign-in and every statement's preparation anew.
_SPARE_SECONDS: Final = 10.0
# Above the number of statements that the product has; tests and scripts make some of their own.
_PREPARED: Final = 1_000

# What is said when the columns or types of a prepared statement have changed, or when it is no longer known.
_STALE: Final = (
    asyncpg.InvalidCachedStatementError,
    asyncpg.ProtocolViolationError,
    asyncpg.OutdatedSchemaCacheError,
    asyncpg.InvalidSQLStatementNameError,
)
# After an outdated type the driver closes the statement by itself, which has no exception of its own.
_STALE_WORDS: Final = "the prepared statement is closed"

# SQLAlchemy's dialect says `ssl`, PostgreSQL and the driver `sslmode`; other programs write it as yes or no.
_SSL_MODES: Final = {"true": "require", "false": "disable"}

# No way to the server, which the language has no exception of its own for.
_NO_WAY: Final = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})

RowMaker = Callable[[Sequence[Any]], Row[Any]]


@dataclass(frozen=True, slots=True)
class Result:
    """What a statement brought: its rows, and how many rows it found or changed."""

    rows: Sequence[Row[Any]]
    rowcount: int


class Session:
    """One connection. Not to be used by two tasks at a time."""

    __slots__ = ("_connection", "_names", "_prepared")

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._prepared: dict[str, tuple[PreparedStatement, RowMaker]] = {}
        self._names = itertools.count()

    @property
    def is_closed(self) -> bool:
        """Whether the server or we have closed it; asyncpg notices that at once."""
        return bool(self._connection.is_closed())

    async def run(self, statement: Executable, params: Mapping[str, object]) -> Result:
        """Run one statement. Raises: IntegrityError, DBAPIError; OSError and TimeoutError as they come."""
        ready = compiled(statement)
        arguments = ready.arguments(params)
        try:
            prepared, make_row = self._prepared.get(ready.sql) or await self._prepare(ready.sql)
            rows = await prepared.fetch(*arguments)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            if isinstance(error, _STALE) or _STALE_WORDS in str(error):
                # The schema has changed under it: the next use prepares it anew.
                self._prepared.clear()
            raise _translated(error, ready.sql, is_closed=self.is_closed) from error
        count = prepared.get_statusmsg().rpartition(" ")[2]
        return Result([make_row(row) for row in rows], int(count) if count.isdecimal() else -1)

    async def command(self, sql: str) -> str:
        """Run BEGIN, COMMIT or ROLLBACK; returns what the server says it did. Raises: as `run`."""
        try:
            status: str = await self._connection.execute(sql)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            raise _translated(error, sql, is_closed=self.is_closed) from error
        return status

    async def close(self) -> None:
        """Say goodbye to the server, which is not waited for long."""
        try:
            await self._connection.close(timeout=_CLOSE_SECONDS)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            self._connection.terminate()

    def drop(self) -> None:
        """Cut the connection: the server rolls back whatever was open in it."""
        self._connection.terminate()

    async def _prepare(self, sql: str) -> tuple[PreparedStatement, RowMaker]:
        if len(self._prepared) >= _PREPARED:
            self._prepared.clear()
        # Without a name of its own a statement would be parsed and planned anew at each use.
        statement = await self._connection.prepare(sql, name=f"s{next(self._names)}")
        ready = statement, result_tuple([column.name for column in statement.get_attributes()])
        self._prepared[sql] = ready
        return ready


class ConnectionPool:
    """At most `most` sessions, of which up to `kept` stay open while nobody uses them, and the others for a while."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Session]],
        *,
        kept: int,
        most: int,
        wait_seconds: float,
        spare_seconds: float = _SPARE_SECONDS,
    ) -> None:
        self._connect = connect
        self._kept = kept
        self._spare_seconds = spare_seconds
        self._wait_seconds = wait_seconds
        self._places = asyncio.Semaphore(most)
        # With the time since when; whoever has waited longest comes first, and is used last.
        self._idle: deque[tuple[Session, float]] = deque()
        self._in_use: set[Session] = set()

    @property
    def in_use(self) -> int:
        """How many sessions are out."""
        return len(self._in_use)

    async def take(self) -> Session:
        """A session, the one used last if possible. Raises: PoolTimeout, and what connecting raises."""
        if self._places.locked():
            try:
                async with asyncio.timeout(self._wait_seconds):
                    await self._places.acquire()
            except TimeoutError as error:
                message = f"no connection became free within {self._wait_seconds} s"
                raise PoolTimeout(message) from error
        else:
            await self._places.acquire()
        try:
            session = self._pick() or await self._connect()
        except BaseException:
            self._places.release()
            raise
        self._in_use.add(session)
        return session

    async def give_back(self, session: Session) -> None:
        """Return a session in which nothing is open."""
        self._in_use.discard(session)
        self._places.release()
        now = time.monotonic()
        if not session.is_closed:
            self._idle.append((session, now))
        if len(self._idle) > self._kept and now - self._idle[0][1] >= self._spare_seconds:
            spare, _ = self._idle.popleft()
            await spare.close()

    def discard(self, session: Session) -> None:
        """Give up a session that was left in the middle of something."""
        self._in_use.discard(session)
        self._places.release()
        session.drop()

    async def close(self) -> None:
        """Close what is idle, and cut what is still used: whoever uses it has been told to stop."""
        while self._idle:
            session, _ = self._idle.pop()
            await session.close()
        for session in tuple(self._in_use):
            session.drop()

    def _pick(self) -> Session | None:
        while self._idle:
            session, _ = self._idle.pop()
            if not session.is_closed:
                return session
        return None


def driver_dsn(url: str) -> str:
    """The address in the driver's words: no dialect in the scheme, and TLS as `sslmode`, however it was written."""
    scheme, separator, rest = url.partition("://")
    address, mark, query = rest.partition("?")
    options = [option for option in query.split("&") if option]
    has_mode = any(option.startswith("sslmode=") for option in options)
    said = []
    for option in options:
        name, _, value = option.partition("=")
        if name != "ssl":
            said.append(option)
        elif not has_mode:
            said.append(f"sslmode={_SSL_MODES.get(value.lower(), value)}")
    return f"{scheme.partition('+')[0]}{separator}{address}{mark if said else ''}{'&'.join(said)}"


async def connect(
    dsn: str, *, timeout_seconds: float, statement_timeout_seconds: float, server_settings: Mapping[str, str]
) -> Session:
    """Open a connection whose JSON is JSON. Raises: DBAPIError, OSError, TimeoutError."""
    try:
        connection = await asyncpg.connect(
            dsn,
            timeout=timeout_seconds,
            command_timeout=statement_timeout_seconds,
            server_settings=dict(server_settings),
            # Sessions keep their own.
            statement_cache_size=0,
        )
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        # Nothing was lost that had been there: the server's own words tell a refusal from an outage.
        raise _translated(error, "connect", is_closed=False) from error
    except OSError as error:
        if _is_nobody_there(error, dsn):
            raise ConnectionError(str(error)) from error
        raise
    try:
        # What is written comes as text, from the type that a statement declares; what is read is parsed here.
        await connection.set_type_codec("jsonb", encoder=str, decoder=json.loads, schema="pg_catalog")
    except BaseException as error:
        is_closed = bool(connection.is_closed())
        # Cancelled, overdue or broken while it was set up: nobody else would close it.
        connection.terminate()
        if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError | asyncpg.InternalClientError):
            raise _translated(error, "connect", is_closed=is_closed) from error
        raise
    return Session(connection)


def _is_nobody_there(error: OSError, dsn: str) -> bool:
    """A server's socket that is not there, unlike a file of ours; or several addresses, none of which answered."""
    if isinstance(error, FileNotFoundError):
        return "host=/" in unquote(dsn)
    return type(error) is OSError and (error.errno is None or error.errno in _NO_WAY)


def _translated(error: Exception, sql: str, *, is_closed: bool) -> DBAPIError:
    """As SQLAlchemy's own driver would say it, but for the parameters: they hold what people wrote."""
    kind = IntegrityError if isinstance(error, asyncpg.IntegrityConstraintViolationError) else DBAPIError
    return kind(sql, None, error, hide_parameters=True, connection_invalidated=is_closed)
