"""The sandbox's state in SQLite: survives a kill and hands out numbers that never repeat, not even after a reset."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

Json = dict[str, Any]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS users (
    user_id INTEGER PRIMARY KEY, first_name TEXT NOT NULL, last_name TEXT, username TEXT, language_code TEXT,
    started INTEGER NOT NULL, blocked INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS messages (message_id INTEGER PRIMARY KEY, chat_id INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS messages_by_chat ON messages (chat_id, message_id);
CREATE TABLE IF NOT EXISTS former_buttons (
    message_id INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (message_id, data)
);
CREATE TABLE IF NOT EXISTS keyboards (chat_id INTEGER PRIMARY KEY, markup TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
    file_id TEXT PRIMARY KEY, unique_id TEXT NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL,
    mime TEXT NOT NULL, name TEXT, media TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS files_by_path ON files (path);
CREATE TABLE IF NOT EXISTS updates (
    update_id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, body TEXT NOT NULL, status TEXT NOT NULL,
    attempts INTEGER NOT NULL, created_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS updates_pending ON updates (queue, update_id) WHERE status = 'pending';
CREATE TABLE IF NOT EXISTS callback_queries (
    query_id TEXT PRIMARY KEY, user_id INTEGER NOT NULL, created_at REAL NOT NULL, answer TEXT
);
CREATE TABLE IF NOT EXISTS vendor_tasks (
    task_id TEXT PRIMARY KEY, reference TEXT NOT NULL, shape TEXT NOT NULL, request TEXT NOT NULL,
    verdict TEXT NOT NULL, created_at REAL NOT NULL, work_seconds REAL NOT NULL, cancelled INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS vendor_tasks_by_reference ON vendor_tasks (reference);
CREATE TABLE IF NOT EXISTS vendor_flaws (generation TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS vendor_inputs (
    digest TEXT PRIMARY KEY, width INTEGER NOT NULL, height INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS wallets (user_id INTEGER PRIMARY KEY, stars INTEGER NOT NULL CHECK (stars >= 0));
CREATE TABLE IF NOT EXISTS star_invoices (
    slug TEXT PRIMARY KEY, message_id INTEGER UNIQUE, title TEXT NOT NULL, description TEXT NOT NULL,
    payload TEXT NOT NULL, stars INTEGER NOT NULL, subscription_period INTEGER, charge_id TEXT
);
CREATE TABLE IF NOT EXISTS star_payments (
    payment_no INTEGER PRIMARY KEY, charge_id TEXT NOT NULL, user_id INTEGER NOT NULL, title TEXT NOT NULL,
    description TEXT NOT NULL, payload TEXT NOT NULL, stars INTEGER NOT NULL, subscription_period INTEGER,
    paid_at INTEGER NOT NULL, subscription_id TEXT, refunded INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS star_payments_by_charge ON star_payments (charge_id, payment_no);
CREATE TABLE IF NOT EXISTS star_entries (
    entry_no INTEGER PRIMARY KEY, kind TEXT NOT NULL, user_id INTEGER NOT NULL, stars INTEGER NOT NULL,
    at INTEGER NOT NULL, payment_no INTEGER
);
CREATE INDEX IF NOT EXISTS star_entries_by_user ON star_entries (user_id, entry_no);
CREATE TABLE IF NOT EXISTS star_subscriptions (
    subscription_id TEXT PRIMARY KEY, user_id INTEGER NOT NULL, title TEXT NOT NULL, description TEXT NOT NULL,
    payload TEXT NOT NULL, stars INTEGER NOT NULL, subscription_period INTEGER NOT NULL, paid_until INTEGER NOT NULL,
    canceled_by_user INTEGER NOT NULL, canceled_by_bot INTEGER NOT NULL, ended TEXT, renewal TEXT NOT NULL,
    report INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS star_subscriptions_due ON star_subscriptions (paid_until) WHERE ended IS NULL;
CREATE TABLE IF NOT EXISTS star_reports (
    report_no INTEGER PRIMARY KEY, charge_id TEXT NOT NULL, message TEXT NOT NULL, told INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS star_reports_by_charge ON star_reports (charge_id, report_no);
"""

# What a reset empties. Counters and settings stay: numbers never repeat; token, webhook, commands and clock are kept.
_EMPTIED_BY_RESET: Final = (
    "users",
    "messages",
    "former_buttons",
    "keyboards",
    "files",
    "updates",
    "callback_queries",
    "vendor_tasks",
    "vendor_flaws",
    "vendor_inputs",
    "wallets",
    "star_invoices",
    "star_payments",
    "star_entries",
    "star_subscriptions",
    "star_reports",
)


class Store:
    """One connection, used from the event loop's thread alone; a statement takes some microseconds."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        # A killed process loses nothing; only a power cut could take the last moments, which a sandbox may.
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Fold the log into the file and let go of it."""
        self._connection.close()

    def execute(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run one statement; answers the number of rows it touched."""
        return self._connection.execute(sql, values).rowcount

    def all(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Every row of a query."""
        return self._connection.execute(sql, values).fetchall()

    def first(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return row

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Nothing may be awaited inside: the connection is shared."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def next_number(self, counter: str, *, first: int = 1) -> int:
        """The next number of a counter that begins at `first` and never goes back."""
        row = self.first(
            "INSERT INTO counters (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
            (counter, first),
        )
        if row is None:
            message = "an upsert always returns its row"
            raise AssertionError(message)
        return int(row["value"])

    def find_setting(self, key: str) -> Any:
        """The value kept under a key, or None."""
        row = self.first("SELECT value FROM settings WHERE key = ?", (key,))
        return None if row is None else json.loads(row["value"])

    def put_setting(self, key: str, value: object) -> None:
        """Keep a value that JSON can hold."""
        self.execute(
            "INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, json.dumps(value)),
        )

    def drop_setting(self, key: str) -> None:
        """Forget a key; harmless when it is not there."""
        self.execute("DELETE FROM settings WHERE key = ?", (key,))

    def empty(self) -> None:
        """Forget everything but counters and settings."""
        with self.transaction():
            for table in _EMPTIED_BY_RESET:
                self.execute(f"DELETE FROM {table}")  # noqa: S608 - the names are the constants above
