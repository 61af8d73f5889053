"""The database's two doors: what is committed, what is rolled back, and what becomes of a connection afterwards."""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from asyncpg.prepared_stmt import PreparedStatement
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, IntegrityError, MultipleResultsFound
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core import db as module
from app.core.connections import driver_dsn
from app.core.db import Database, is_outage, refuse_inside_transaction, violated_constraint
from app.core.jobs import Ring, Signal
from tests.harness import migrate
from tests.waiting import until

_INSERT = text("INSERT INTO notes (id, words) VALUES (:id, :words)")
_COUNT = text("SELECT count(*) FROM notes")
_SLEEP = text("SELECT pg_sleep(60)")
_PID = text("SELECT pg_backend_pid()")
_NEXT = text("SELECT CAST(:number AS integer) + 1 AS following")
_USES = text("SELECT generic_plans + custom_plans AS uses FROM pg_prepared_statements WHERE statement LIKE :part")


@pytest.fixture
async def db(empty_database_url: str) -> AsyncIterator[Database]:
    database = Database(empty_database_url, pool_size=2, max_overflow=1)
    async with database.transaction() as tx:
        await tx.execute(text("CREATE TABLE notes (id integer PRIMARY KEY, words jsonb)"))
    yield database
    await database.close()


async def write(db: Database, *ids: int, then: Exception | None = None) -> None:
    async with db.transaction() as tx:
        for number in ids:
            await tx.execute(_INSERT, {"id": number, "words": None})
        if then is not None:
            raise then


async def count(db: Database) -> int:
    async with db.read() as reader:
        return int(await reader.scalar(_COUNT))


async def terminate(url: str, pid: int) -> None:
    other = await asyncpg.connect(url)
    await other.execute("SELECT pg_terminate_backend($1)", pid)
    await other.close()


async def test_an_exception_rolls_back_and_leaves_the_connection_in_the_pool(db: Database) -> None:
    async with db.read() as reader:
        before = await reader.scalar(_PID)
    with pytest.raises(KeyError):
        await write(db, 1, then=KeyError())
    assert await count(db) == 0
    async with db.read() as reader:
        assert await reader.scalar(_PID) == before


async def test_a_violation_names_its_constraint(db: Database) -> None:
    with pytest.raises(IntegrityError) as raised:
        await write(db, 1, 1)
    assert violated_constraint(raised.value) == "notes_pkey"
    assert not is_outage(raised.value)
    assert await count(db) == 0


async def test_what_people_wrote_is_in_no_error(db: Database) -> None:
    with pytest.raises(DBAPIError) as raised:
        async with db.read() as reader:
            await reader.execute(text("SELECT CAST(:words AS text) FROM nowhere"), {"words": "a secret wish"})
    assert "a secret wish" not in str(raised.value)


async def test_a_swallowed_failure_is_no_commit(db: Database) -> None:
    async def swallow() -> None:
        async with db.transaction() as tx:
            await tx.execute(_INSERT, {"id": 1, "words": None})
            with suppress(IntegrityError):
                await tx.execute(_INSERT, {"id": 1, "words": None})

    with pytest.raises(AssertionError):
        await swallow()
    assert await count(db) == 0


async def test_a_cancelled_statement_costs_its_connection(db: Database) -> None:
    """Whatever it was doing may still be running in it, and the transaction is gone with it."""
    began = asyncio.Event()

    async def work() -> None:
        async with db.transaction() as tx:
            await tx.execute(_INSERT, {"id": 1, "words": None})
            began.set()
            await tx.execute(_SLEEP)

    task = asyncio.create_task(work())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert db.connections_in_use == 0
    # The server notices the end of the connection by itself; until then the row's key may be locked.
    async with db.transaction() as tx:
        await tx.execute(_INSERT, {"id": 1, "words": None})
    assert await count(db) == 1


async def test_json_is_written_as_declared_and_read_as_it_is(db: Database) -> None:
    insert = text("INSERT INTO notes (id, words) VALUES (:id, :words) RETURNING words").bindparams(
        bindparam("words", type_=JSONB)
    )
    async with db.transaction() as tx:
        row = await tx.one_or_none(insert, {"id": 1, "words": {"a": ["б", None]}})
    assert row is not None
    assert row.words == {"a": ["б", None]}
    assert row._mapping["words"] == row[0]


async def test_a_parameter_may_be_used_twice_and_others_be_left_over(db: Database) -> None:
    async with db.read() as reader:
        found = await reader.scalar(
            text("SELECT CAST(:id AS uuid) WHERE CAST(:id AS uuid) IS NOT NULL"), {"id": (given := uuid4()), "other": 1}
        )
    assert UUID(str(found)) == given


async def test_rowcount_tells_what_was_changed(db: Database) -> None:
    async with db.transaction() as tx:
        assert (await tx.execute(_INSERT, {"id": 1, "words": None})).rowcount == 1
        assert (await tx.execute(text("UPDATE notes SET id = id + 1 WHERE id > 7"))).rowcount == 0
        assert (await tx.execute(text("LOCK TABLE notes"))).rowcount == -1


class Bells:
    """Counts what is rung."""

    def __init__(self) -> None:
        self.heard: list[Ring] = []

    async def ring(self, rings: Sequence[Ring]) -> bool:
        self.heard += rings
        return True


async def write_singly(db: Database, *ids: int) -> None:
    async with db.single() as tx:
        tx.after_commit(Signal(7))
        for number in ids:
            await tx.execute(_INSERT, {"id": number, "words": None})


async def test_a_transaction_of_one_statement_stands_and_then_rings(db: Database) -> None:
    bells = Bells()
    db.ring_with(bells)
    async with db.single() as tx:
        tx.after_commit(Signal(7))
        await tx.execute(_INSERT, {"id": 1, "words": None})
        assert bells.heard == []
        with pytest.raises(AssertionError, match="inside a database transaction"):
            refuse_inside_transaction("a call")
    assert bells.heard == [Signal(7)]
    assert await count(db) == 1
    refuse_inside_transaction("a call")


async def test_a_transaction_of_one_statement_takes_no_second(db: Database) -> None:
    with pytest.raises(AssertionError, match="a second statement"):
        await write_singly(db, 1, 2)
    assert await count(db) == 1
    assert db.connections_in_use == 0


async def test_a_refused_statement_rings_nothing_and_leaves_the_connection(db: Database) -> None:
    bells = Bells()
    db.ring_with(bells)
    await write(db, 1)
    with pytest.raises(IntegrityError):
        await write_singly(db, 1)
    assert bells.heard == []
    assert await count(db) == 1


async def test_a_transaction_of_one_statement_is_not_nested(db: Database) -> None:
    async with db.transaction():
        with pytest.raises(AssertionError, match="nested"):
            async with db.single():
                pytest.fail("it was opened")


async def test_one_or_none_refuses_more_than_one(db: Database) -> None:
    async with db.read() as reader:
        with pytest.raises(MultipleResultsFound):
            await reader.one_or_none(text("SELECT * FROM generate_series(1, 2)"))


async def test_nothing_waits_for_ever_for_a_connection(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db._pool, "_wait_seconds", 0.05)
    async with db.read(), asyncio.TaskGroup() as group:
        release = asyncio.Event()

        async def hold() -> None:
            async with db.read():
                await release.wait()

        for _ in range(2):
            group.create_task(hold())
        await until(lambda: db.connections_in_use == 3)
        with pytest.raises(PoolTimeout) as raised:
            # Another task would wait; here nobody gives one back.
            await db._pool.take()
        assert is_outage(raised.value)
        release.set()
    assert db.connections_in_use == 0


async def use_three_connections(db: Database) -> set[int]:
    async def pid() -> int:
        async with db.read() as reader:
            await reader.execute(text("SELECT pg_sleep(0.1)"))
            return int(await reader.scalar(_PID))

    return set(await asyncio.gather(pid(), pid(), pid()))


async def test_connections_beyond_the_pool_are_used_again_under_load(db: Database) -> None:
    first = await use_three_connections(db)
    assert len(first) == 3
    assert await use_three_connections(db) == first


async def test_connections_beyond_the_pool_are_closed_after_a_while(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await use_three_connections(db)
    monkeypatch.setattr(db._pool, "_spare_seconds", 0.0)
    for _ in range(2):
        assert await count(db) == 0
    async with db.read() as reader:
        alive = await reader.all(text("SELECT pid FROM pg_stat_activity WHERE pid = ANY(:pids)"), {"pids": list(first)})
    assert len(alive) == 2


async def test_a_statement_is_prepared_once_a_connection(db: Database) -> None:
    async with db.read() as reader:
        for number in range(3):
            assert await reader.scalar(_NEXT, {"number": number}) == number + 1
        prepared = await reader.all(_USES, {"part": "%AS following"})
    assert [row.uses for row in prepared] == [3]


async def test_connections_that_the_server_has_closed_are_replaced(db: Database, empty_database_url: str) -> None:
    async with db.read() as reader:
        pid = await reader.scalar(_PID)
    await terminate(empty_database_url, pid)
    await until(lambda: all(session.is_closed for session, _ in db._pool._idle))
    assert await count(db) == 0


async def test_a_connection_that_dies_in_use_is_an_outage(db: Database, empty_database_url: str) -> None:
    async def die() -> None:
        async with db.transaction() as tx:
            await terminate(empty_database_url, await tx.scalar(_PID))
            await tx.execute(_COUNT)

    with pytest.raises(DBAPIError) as raised:
        await die()
    assert is_outage(raised.value)
    assert db.connections_in_use == 0
    assert await count(db) == 0


async def test_a_statement_survives_a_change_of_the_schema(db: Database) -> None:
    every = text("SELECT * FROM notes")
    async with db.read() as reader:
        assert await reader.all(every) == []
        await reader.execute(text("ALTER TABLE notes ADD COLUMN more integer"))
        with pytest.raises(DBAPIError):
            await reader.all(every)
        await reader.execute(text("INSERT INTO notes (id, more) VALUES (1, 2)"))
        assert (await reader.all(every))[0].more == 2


async def test_no_door_opens_inside_a_transaction(db: Database) -> None:
    async with db.transaction():
        with pytest.raises(AssertionError):
            refuse_inside_transaction("Telegram")
        with pytest.raises(AssertionError):
            async with db.read():
                raise NotImplementedError
        with pytest.raises(AssertionError):
            async with db.transaction():
                raise NotImplementedError
    assert module._open_transaction.get() is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("postgresql+asyncpg://a:b@h:1/d", "postgresql://a:b@h:1/d"),
        ("postgresql://h/d?ssl=disable", "postgresql://h/d?sslmode=disable"),
        ("postgres://h/d?sslmode=verify-full", "postgres://h/d?sslmode=verify-full"),
        ("postgresql://h/d?ssl=true&host=/run", "postgresql://h/d?sslmode=require&host=/run"),
        ("postgresql://h/d?ssl=require&sslmode=disable", "postgresql://h/d?sslmode=disable"),
        ("postgresql://a:p%3Fssl%3D@h/d", "postgresql://a:p%3Fssl%3D@h/d"),
    ],
)
def test_an_address_is_said_in_the_drivers_words(given: str, expected: str) -> None:
    assert driver_dsn(given) == expected


@pytest.mark.parametrize("option", ["ssl=disable", "sslmode=disable", "ssl=prefer"])
async def test_both_words_for_tls_suit_the_app_and_the_migrations(empty_database_url: str, option: str) -> None:
    url = f"{empty_database_url}{'&' if '?' in empty_database_url else '?'}{option}"
    await asyncio.to_thread(migrate, url)
    database = Database(url, pool_size=1)
    async with database.read() as reader:
        assert await reader.scalar(text("SELECT version_num FROM alembic_version"))
    await database.close()


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (socket.gaierror(socket.EAI_AGAIN, "not now"), True),
        (ssl.SSLError("cut"), True),
        (FileNotFoundError(errno.ENOENT, "no", "ca.pem"), False),
        (OSError(errno.ENOSPC, "full"), False),
        (ValueError(), False),
    ],
    ids=repr,
)
def test_an_outage_is_about_the_way_to_the_database(error: Exception, *, away: bool) -> None:
    assert is_outage(error) is away


async def test_a_refused_address_is_no_outage(empty_database_url: str) -> None:
    """Waiting mends neither a wrong name nor a wrong word."""
    address = empty_database_url.partition("?")[0]
    wrong = (address.rpartition("/")[0] + "/no_such_database", f"{address}?sslrootcert=/nowhere.pem&sslmode=verify-ca")
    for url in wrong:
        database = Database(url, pool_size=1)
        with pytest.raises((DBAPIError, OSError)) as raised:
            await database.ping()
        assert not is_outage(raised.value), url


@pytest.mark.parametrize("address", ["postgresql://n@127.0.0.1:9/n", "postgresql://n@localhost:9/n", "{socket}"])
async def test_nobody_there_is_an_outage(address: str, tmp_path: Path) -> None:
    database = Database(address.format(socket=f"postgresql://n@/n?host={tmp_path}"), pool_size=1)
    with pytest.raises((DBAPIError, OSError)) as raised:
        await database.ping()
    assert is_outage(raised.value)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.OutdatedSchemaCacheError("a type has changed"),
        asyncpg.InterfaceError("cannot call PreparedStatement.fetch(): the prepared statement is closed"),
    ],
    ids=["outdated", "closed"],
)
async def test_a_statement_that_is_stale_is_prepared_anew(
    db: Database, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def fail(*_args: object) -> None:
        raise error

    async with db.read() as reader:
        await reader.scalar(_COUNT)
        assert reader._session._prepared
        with monkeypatch.context() as patch:
            patch.setattr(PreparedStatement, "fetch", fail)
            with pytest.raises(DBAPIError):
                await reader.scalar(_COUNT)
        assert not reader._session._prepared
        assert await reader.scalar(_COUNT) == 0


async def test_a_connection_cancelled_while_it_is_set_up_is_cut(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[asyncpg.Connection] = []

    async def hang(connection: asyncpg.Connection, *_args: object, **_options: object) -> None:
        opened.append(connection)
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncpg.Connection, "set_type_codec", hang)
    database = Database(empty_database_url, pool_size=1)
    task = asyncio.create_task(database.ping())
    await until(lambda: bool(opened))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert opened[0].is_closed()
    assert database.connections_in_use == 0
