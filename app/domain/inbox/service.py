"""Keeps events from outside that must not be lost when their handler fails."""

import hashlib
import json
from collections.abc import Mapping

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.core.db import Database
from app.domain.inbox.models import InboxState

# Telegram repeats an update byte by byte: a second failure of the same one is the same row.
_STORE = text(
    """
    INSERT INTO inbox (source, body_hash, body, state, attempts, error)
    VALUES (:source, :body_hash, :body, :state, 1, :error)
    ON CONFLICT (source, body_hash) DO UPDATE SET attempts = inbox.attempts + 1, error = excluded.error
    RETURNING attempts
    """
).bindparams(bindparam("body", type_=JSONB))


class InboxService:
    """The inbox's use cases."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def store_failed(self, *, source: str, body: Mapping[str, object], error: str) -> bool:
        """Keep an event whose handler failed, for the operator's replay. True when it is the first time."""
        canonical = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        async with self._db.transaction() as tx:
            attempts = await tx.scalar(
                _STORE,
                {
                    "source": source,
                    "body_hash": hashlib.sha256(canonical.encode()).digest(),
                    "body": _storable(body),
                    "state": InboxState.FAILED.value,
                    "error": error,
                },
            )
        return bool(attempts == 1)


def _storable(value: object) -> object:
    """The value without NUL characters, which PostgreSQL cannot keep, in whatever field a client sent them."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, Mapping):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return value
