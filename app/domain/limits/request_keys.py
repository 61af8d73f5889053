"""Idempotency of requests that create something other than a generation."""

from dataclasses import dataclass

from sqlalchemy import text

from app.core.db import Reader, Tx
from app.domain.errors import IdempotencyKeyReused


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A client's key, the operation it was sent to and the hash of the body."""

    key: str
    operation: str
    body_hash: bytes


_FIND = text("SELECT operation, body_hash, object_id FROM request_keys WHERE user_id = :user_id AND key = :key")
_INSERT = text(
    """
    INSERT INTO request_keys (user_id, key, operation, body_hash, object_id)
    VALUES (:user_id, :key, :operation, :body_hash, :object_id)
    """
)


async def find_object(reader: Reader, user_id: int, request: RequestKey) -> str | None:
    """What came of an earlier request with this key, or None when there was none.

    Raises: IdempotencyKeyReused when the key was sent with another body or elsewhere (trap 13).
    """
    row = await reader.one_or_none(_FIND, {"user_id": user_id, "key": request.key})
    if row is None:
        return None
    if row.operation != request.operation or row.body_hash != request.body_hash:
        raise IdempotencyKeyReused
    return str(row.object_id)


async def remember(tx: Tx, user_id: int, request: RequestKey, object_id: str) -> None:
    """Tie the key to the object, in the object's own transaction. Raises IntegrityError when another was first."""
    await tx.execute(
        _INSERT,
        {
            "user_id": user_id,
            "key": request.key,
            "operation": request.operation,
            "body_hash": request.body_hash,
            "object_id": object_id,
        },
    )
