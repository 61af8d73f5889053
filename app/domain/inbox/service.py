"""Keeps events from outside that must not be lost when their handler fails."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.core.crashpoints import CrashPoints
from app.core.db import Database, Tx
from app.core.jobs import Job, Queue
from app.domain.actors import Actor
from app.domain.audit import log as audit
from app.domain.errors import NotFound
from app.domain.inbox.models import InboxState

log = structlog.get_logger(__name__)

INBOX_JOB: Final = "inbox"
_TRIES_UNTIL_ALERT: Final = 3
_LONGEST_ERROR: Final = 500

Handler = Callable[[Mapping[str, Any]], Awaitable[None]]
OnFailing = Callable[[str, int, BaseException], Awaitable[None]]

# Telegram repeats an update byte by byte: a second failure of the same one is the same row.
_STORE = text(
    """
    INSERT INTO inbox (source, body_hash, body, telegram_id, state, attempts, error)
    VALUES (:source, :body_hash, :body, :telegram_id, :state, 1, :error)
    ON CONFLICT (source, body_hash) DO UPDATE SET attempts = inbox.attempts + 1, error = excluded.error
    RETURNING attempts
    """
).bindparams(bindparam("body", type_=JSONB))
_FORGET = text("DELETE FROM inbox WHERE telegram_id = :telegram_id AND state <> 'OWED'")
_PURGE = text(
    """
    DELETE FROM inbox WHERE id IN (
        SELECT id FROM inbox WHERE state <> 'OWED' AND created_at < now() - interval '180 days'
        ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED)
    """
)
_RECEIVE = text(
    """
    INSERT INTO inbox (source, body_hash, body, telegram_id, state, next_attempt_at)
    VALUES (:source, :body_hash, :body, :telegram_id, 'OWED', now() + interval '10 seconds')
    ON CONFLICT (source, body_hash) DO UPDATE SET source = excluded.source
    RETURNING id, state
    """
).bindparams(bindparam("body", type_=JSONB))
_CLAIM = text(
    """
    UPDATE inbox SET attempts = attempts + 1,
        next_attempt_at = now() + least(10 * power(2, least(attempts, 9)), 3600) * interval '1 second'
    WHERE id = :id AND state = 'OWED' RETURNING source, body, attempts
    """
).columns(body=JSONB)
_HANDLED = text("UPDATE inbox SET state = 'HANDLED', error = NULL, handled_at = now() WHERE id = :id")
_FAIL = text("UPDATE inbox SET error = :error WHERE id = :id AND state = 'OWED' RETURNING source, attempts")
_REPLAY = text(
    """
    UPDATE inbox SET state = 'OWED', next_attempt_at = now() + interval '10 seconds' WHERE id = :id
    """
)
_LOCK = text("SELECT source, state FROM inbox WHERE id = :id FOR UPDATE")
_FAIL_AGAIN = text("UPDATE inbox SET state = 'FAILED' WHERE id = :id AND state = 'OWED'")
_DUE = text(
    """
    UPDATE inbox SET next_attempt_at = now() + interval '30 seconds'
    WHERE id IN (
        SELECT id FROM inbox WHERE state = 'OWED' AND next_attempt_at <= now()
        ORDER BY next_attempt_at LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING id, attempts
    """
)
_LIST = text(
    """
    SELECT id, source, state, attempts, error, created_at FROM inbox
    WHERE (CAST(:state AS text) IS NULL OR state = :state) ORDER BY id DESC LIMIT :limit
    """
)


@dataclass(frozen=True, slots=True)
class InboxItem:
    """An event as the operator sees it."""

    id: int
    source: str
    state: InboxState
    attempts: int
    error: str | None
    created_at: datetime


class InboxService:
    """The inbox's use cases.

    Money events are received first and handled then; one whose handling fails is handled again by the sweep, for ever,
    with an alert. Handlers must stand being called twice.
    """

    def __init__(self, db: Database, on_failing: OnFailing, crashpoints: CrashPoints) -> None:
        self._db = db
        self._on_failing = on_failing
        self._crashpoints = crashpoints
        self._handlers: dict[str, Handler] = {}

    def register(self, source: str, handler: Handler) -> None:
        """Hand in who handles the events of a source (once)."""
        self._handlers[source] = handler

    async def receive(self, *, source: str, body: Mapping[str, Any], telegram_id: int | None = None) -> int:
        """Keep an event that was verified; the same one again is the same row. Returns its id, to be handled.

        `telegram_id` is the person it is about: with their data it is deleted, once it was handled.
        """
        async with self._db.transaction() as tx:
            row = await tx.one_or_none(
                _RECEIVE,
                {"source": source, "body_hash": _hash(body), "body": _storable(body), "telegram_id": telegram_id},
            )
            if row is None:
                message = "an upsert returned nothing"
                raise AssertionError(message)
            event_id = int(row.id)
        self._crashpoints.reach("event.stored")
        return event_id

    async def handle(self, event_id: int) -> None:
        """Handle a kept event. Harmless when it was handled.

        Raises whatever its handler raises: the border that called hands it to `record_failure`, and the sweep tries
        again.
        """
        async with self._db.transaction() as tx:
            row = await tx.one_or_none(_CLAIM, {"id": event_id})
        if row is None:
            return
        handler = self._handlers.get(row.source)
        if handler is None:
            message = f"nobody handles events of {row.source}"
            raise LookupError(message)
        await handler(row.body)
        async with self._db.transaction() as tx:
            await tx.execute(_HANDLED, {"id": event_id})
        self._crashpoints.reach("event.handled")

    async def record_failure(self, event_id: int, error: BaseException) -> None:
        """Note why an event could not be handled, and alert when it is not the first time."""
        async with self._db.transaction() as tx:
            row = await tx.one_or_none(_FAIL, {"id": event_id, "error": _words(error)})
        if row is not None and row.attempts >= _TRIES_UNTIL_ALERT:
            await self._on_failing(row.source, event_id, error)

    async def replay(self, actor: Actor, event_id: int, *, reason: str) -> None:
        """Handle an event once more, whatever became of it; audited.

        One that was FAILED and fails again is FAILED again: only money is handled until it succeeds.
        Raises: NotFound; LookupError when nobody handles events of its source; whatever the handler raises.
        """
        async with self._db.transaction() as tx:
            row = await tx.one_or_none(_LOCK, {"id": event_id})
            if row is None:
                raise NotFound
            if row.source not in self._handlers:
                message = f"nobody handles events of {row.source}"
                raise LookupError(message)
            await tx.execute(_REPLAY, {"id": event_id})
            await audit.record(
                tx, actor, action="inbox.replay", subject=f"inbox:{event_id}", before={}, after={}, reason=reason
            )
        try:
            await self.handle(event_id)
        finally:
            if row.state == InboxState.FAILED:
                # Of what was handled meanwhile this changes nothing.
                async with self._db.transaction() as tx:
                    await tx.execute(_FAIL_AGAIN, {"id": event_id})

    async def list_events(self, *, state: InboxState | None = None, limit: int = 50) -> tuple[InboxItem, ...]:
        """The newest events."""
        async with self._db.read() as reader:
            rows = await reader.all(_LIST, {"state": state.value if state else None, "limit": limit})
        return tuple(
            InboxItem(row.id, row.source, InboxState(row.state), row.attempts, row.error, row.created_at)
            for row in rows
        )

    async def ring_due(self, *, limit: int) -> list[Job]:
        """Events whose handling was cut off or has failed, with rings of their own (the sweep)."""
        async with self._db.transaction() as tx:
            rows = await tx.all(_DUE, {"limit": limit})
        return [Job(Queue.REST, INBOX_JOB, str(row.id), row.attempts) for row in rows]

    async def purge(self, *, limit: int = 500) -> int:
        """Delete events of more than 180 days ago, a batch at a time; what is owed stays. Returns how many."""
        async with self._db.transaction() as tx:
            return (await tx.execute(_PURGE, {"limit": limit})).rowcount

    async def store_failed(
        self, *, source: str, body: Mapping[str, object], error: str, telegram_id: int | None = None
    ) -> bool:
        """Keep an event whose handler failed, for the operator's replay. True when it is the first time."""
        async with self._db.transaction() as tx:
            attempts = await tx.scalar(
                _STORE,
                {
                    "source": source,
                    "body_hash": _hash(body),
                    "body": _storable(body),
                    "telegram_id": telegram_id,
                    "state": InboxState.FAILED.value,
                    "error": error,
                },
            )
        return bool(attempts == 1)


async def forget_person(tx: Tx, telegram_id: int) -> None:
    """Drop the events that a person sent or that are about them; what is still to be handled is money, and stays."""
    await tx.execute(_FORGET, {"telegram_id": telegram_id})


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:_LONGEST_ERROR]


def _hash(body: Mapping[str, object]) -> bytes:
    canonical = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).digest()


def _storable(value: object) -> object:
    """The value without NUL characters, which PostgreSQL cannot keep, in whatever field a client sent them."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, Mapping):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return value
