"""The queue of updates: what the bot has not been told yet, in the order of each chat, and what it has."""

import json
import sqlite3
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from app.sandbox.store import Json, Store

_FIRST_UPDATE_ID: Final = 410_000_001
# Telegram keeps an update for 24 hours.
_LIFE_SECONDS: Final = 24 * 3600
# A pre-checkout query is worth nothing after its deadline; Telegram's server drops it then.
_PRE_CHECKOUT_LIFE_SECONDS: Final = 150
# Queues from this number on hold one pre-checkout query each; no chat has such an id.
PRE_CHECKOUT_QUEUES: Final = 2**60
# Kinds that a bot gets only when it names them (Bot API, setWebhook, allowed_updates).
_NOT_BY_DEFAULT: Final = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


class UpdateStatus(StrEnum):
    """What became of an update."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DROPPED = "dropped"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class QueuedUpdate:
    """One update. `body` is the Bot API `Update`; `queue` the chat whose order it keeps."""

    update_id: int
    queue: int
    body: Json
    status: UpdateStatus
    attempts: int

    def described(self) -> Json:
        """As the control API shows it."""
        return {
            "update_id": self.update_id,
            "update": self.body,
            "attempts": self.attempts,
            "status": self.status.value,
        }


class UpdateQueue:
    """Updates in the store; delivering them is the dispatcher's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, queue: int, kind: str, content: Json) -> int | None:
        """Queue an update; answers its id, or None when the bot did not ask for this kind."""
        if not self._is_allowed(kind):
            return None
        update_id = self._store.next_number("update_id", first=_FIRST_UPDATE_ID)
        body = {"update_id": update_id, kind: content}
        self._store.execute(
            "INSERT INTO updates (update_id, queue, body, status, attempts, created_at) VALUES (?, ?, ?, ?, 0, ?)",
            (update_id, queue, json.dumps(body), UpdateStatus.PENDING, time.time()),
        )
        return update_id

    def allow(self, kinds: list[str] | None) -> None:
        """Change what the bot is told; None keeps the setting, an empty list is the default."""
        if kinds is not None:
            self._store.put_setting("allowed_updates", kinds)

    @property
    def allowed(self) -> list[str]:
        """The kinds that the bot named; empty for the default."""
        return self._store.find_setting("allowed_updates") or []

    def find(self, update_id: int) -> QueuedUpdate | None:
        row = self._store.first("SELECT * FROM updates WHERE update_id = ?", (update_id,))
        return None if row is None else _queued(row)

    def find_next(self, queue: int) -> QueuedUpdate | None:
        """The oldest pending update of a chat."""
        row = self._store.first(
            "SELECT * FROM updates WHERE status = 'pending' AND queue = ? ORDER BY update_id LIMIT 1", (queue,)
        )
        return None if row is None else _queued(row)

    def list_pending(self, *, limit: int, from_id: int = 0) -> list[QueuedUpdate]:
        """Pending updates of all chats, oldest first."""
        rows = self._store.all(
            "SELECT * FROM updates WHERE status = 'pending' AND update_id >= ? ORDER BY update_id LIMIT ?",
            (from_id, limit),
        )
        return [_queued(row) for row in rows]

    def list_delivered(self, *, limit: int) -> list[QueuedUpdate]:
        """The newest delivered updates, oldest first."""
        rows = self._store.all(
            "SELECT * FROM updates WHERE status = 'delivered' ORDER BY update_id DESC LIMIT ?", (limit,)
        )
        return [_queued(row) for row in reversed(rows)]

    def list_queues(self) -> list[int]:
        """The chats that have pending updates."""
        return [row["queue"] for row in self._store.all("SELECT DISTINCT queue FROM updates WHERE status = 'pending'")]

    def count_pending(self) -> int:
        row = self._store.first("SELECT count(*) AS pending FROM updates WHERE status = 'pending'")
        return 0 if row is None else int(row["pending"])

    def count_attempt(self, update_id: int) -> None:
        """An attempt to deliver begins."""
        self._store.execute("UPDATE updates SET attempts = attempts + 1 WHERE update_id = ?", (update_id,))

    def mark_delivered(self, update_id: int) -> None:
        """The bot has taken it."""
        self._store.execute(
            "UPDATE updates SET status = 'delivered' WHERE update_id = ? AND status = 'pending'", (update_id,)
        )

    def mark_delivered_below(self, update_id: int) -> None:
        """The bot has taken all older ones (`offset` of getUpdates)."""
        self._store.execute(
            "UPDATE updates SET status = 'delivered', attempts = attempts + 1"
            " WHERE update_id < ? AND status = 'pending'",
            (update_id,),
        )

    def drop_pending(self) -> None:
        """Forget what was not delivered (`drop_pending_updates`)."""
        self._store.execute("UPDATE updates SET status = 'dropped' WHERE status = 'pending'")

    def expire(self) -> None:
        """Give up what is older than a day, and pre-checkout queries that nobody waits for."""
        now = time.time()
        self._store.execute(
            "UPDATE updates SET status = 'expired' WHERE status = 'pending'"
            " AND created_at < CASE WHEN queue >= ? THEN ? ELSE ? END",
            (PRE_CHECKOUT_QUEUES, now - _PRE_CHECKOUT_LIFE_SECONDS, now - _LIFE_SECONDS),
        )

    def forget_old(self) -> None:
        """Drop from sight what was done with more than a day ago."""
        self._store.execute(
            "DELETE FROM updates WHERE status <> 'pending' AND created_at < ?", (time.time() - _LIFE_SECONDS,)
        )

    def _is_allowed(self, kind: str) -> bool:
        named: list[Any] = self.allowed
        return kind in named if named else kind not in _NOT_BY_DEFAULT


def _queued(row: sqlite3.Row) -> QueuedUpdate:
    return QueuedUpdate(
        update_id=row["update_id"],
        queue=row["queue"],
        body=json.loads(row["body"]),
        status=UpdateStatus(row["status"]),
        attempts=row["attempts"],
    )
