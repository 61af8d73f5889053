"""Writes and proves the audit log."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.core.db import Reader, Tx
from app.domain.actors import Actor

_GENESIS: Final = b"\0" * 32
_BATCH: Final = 1_000

# One writer at a time: each entry's hash covers the one before.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('starbrush.audit'))")
_LAST = text("SELECT hash FROM audit_log ORDER BY id DESC LIMIT 1")
_NOW = text("SELECT clock_now()")
_INSERT = text(
    """
    INSERT INTO audit_log (at, actor, action, subject, before, after, reason, previous_hash, hash)
    VALUES (:at, :actor, :action, :subject, :before, :after, :reason, :previous_hash, :hash)
    """
).bindparams(bindparam("before", type_=JSONB), bindparam("after", type_=JSONB))
_WALK = text(
    """
    SELECT id, at, actor, action, subject, before, after, reason, previous_hash, hash
    FROM audit_log WHERE id > :after_id ORDER BY id LIMIT :batch
    """
).columns(before=JSONB, after=JSONB)


async def record(
    tx: Tx,
    actor: Actor,
    *,
    action: str,
    subject: str,
    before: dict[str, object],
    after: dict[str, object],
    reason: str,
) -> None:
    """Append one act, in the transaction that does it. Values must be plain JSON."""
    await tx.execute(_LOCK)
    previous = await tx.scalar(_LAST) or _GENESIS
    at: datetime = await tx.scalar(_NOW)
    content: dict[str, object] = {
        "at": at.astimezone(UTC).isoformat(),
        "actor": actor.label,
        "action": action,
        "subject": subject,
        "before": before,
        "after": after,
        "reason": reason,
    }
    digest = _digest(previous, content)
    await tx.execute(_INSERT, {**content, "at": at, "previous_hash": previous, "hash": digest})


async def find_broken_entry(reader: Reader) -> int | None:
    """The id of the first entry whose hash does not follow from the one before, or None when the chain holds."""
    previous, last_id = _GENESIS, 0
    while rows := await reader.all(_WALK, {"after_id": last_id, "batch": _BATCH}):
        for row in rows:
            content: dict[str, object] = {
                "at": row.at.astimezone(UTC).isoformat(),
                "actor": row.actor,
                "action": row.action,
                "subject": row.subject,
                "before": row.before,
                "after": row.after,
                "reason": row.reason,
            }
            if row.previous_hash != previous or row.hash != _digest(previous, content):
                return int(row.id)
            previous, last_id = row.hash, row.id
    return None


def _digest(previous: bytes, content: dict[str, object]) -> bytes:
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(previous + canonical.encode()).digest()
