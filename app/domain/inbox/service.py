"""Keeps events from outside that must not be lost when their handler fails."""

import hashlib
import json
from collections.abc import Mapping

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.core.db import Database, Tx
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
# Of numbers that Telegram calls "id" there are two, a user's and a chat's, and a private chat has its user's.
_FORGET = text(
    """
    DELETE FROM inbox
    WHERE state = 'FAILED' AND jsonb_path_exists(body, '$.**.id ? (@ == $id)', jsonb_build_object('id', :telegram_id))
    """
).bindparams(bindparam("telegram_id", type_=BigInteger))


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


async def forget_person(tx: Tx, telegram_id: int) -> None:
    """Drop the failed events that a person sent or that are about them."""
    await tx.execute(_FORGET, {"telegram_id": telegram_id})


def _storable(value: object) -> object:
    """The value without NUL characters, which PostgreSQL cannot keep, in whatever field a client sent them."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, Mapping):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return value
