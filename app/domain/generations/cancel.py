"""Stops a generation (protocol, step 7): at once while it waits, at a vendor only where that is free of charge."""

from collections.abc import Sequence
from uuid import UUID

import structlog
from sqlalchemy import text

from app.core.db import Tx
from app.core.jobs import Signal
from app.domain.errors import GenerationNotCancellable
from app.domain.generations import claims, repository
from app.domain.generations.models import Kind, Status
from app.domain.generations.settle import Ending, settle_pending

log = structlog.get_logger(__name__)

# Whoever claims the task reads the request afresh and stops it; a finished result wins.
_REQUEST_CANCEL = text(
    """
    UPDATE generations g SET cancel_requested_at = coalesce(cancel_requested_at, now()),
        next_poll_at = CASE WHEN next_poll_at IS NOT NULL THEN now() END, next_ring_at = now() + interval '3 seconds',
        ring_number = ring_number + 1
    WHERE id = :id AND status = 'PROCESSING' RETURNING ring_number
    """
)
_UNSTOPPABLE = text(
    """
    SELECT EXISTS (
        SELECT 1 FROM provider_attempts
        WHERE generation_id = :id AND (
            (state IN ('INTENT', 'RUNNING') AND (shape = 'now' OR NOT (provider = ANY(:stoppable))))
            OR state = 'MADE'))
    """
)
# Of a pack, as long as a shot has not been started, or can be stopped; what is made by then is delivered.
_PACK_UNSTOPPABLE = text(
    """
    SELECT count(DISTINCT a.output_index) = (SELECT g.output_count FROM generations g WHERE g.id = :id)
        AND NOT coalesce(bool_or(
            a.state IN ('INTENT', 'RUNNING') AND a.shape = 'task' AND a.provider = ANY(:stoppable)), false)
    FROM provider_attempts a WHERE a.generation_id = :id
    """
)


async def cancel(tx: Tx, user_id: int, generation_id: UUID, *, stoppable: Sequence[str]) -> None:
    """End what waits, or ask whoever works on it to stop; the caller holds the user's lock.

    `stoppable` are the providers that stop free of charge.
    Raises: GenerationNotFound, GenerationNotCancellable.
    """
    ending = Ending(Status.CANCELLED, stored=0, reason="cancelled by the user")
    if await settle_pending(tx, user_id, generation_id, ending) is None:
        await _request(tx, user_id, generation_id, stoppable)
        return
    log.info(
        "generation_status",
        generation_id=str(generation_id),
        old=Status.PENDING.value,
        new=Status.CANCELLED.value,
        reason=ending.reason,
    )


async def _request(tx: Tx, user_id: int, generation_id: UUID, stoppable: Sequence[str]) -> None:
    row = await repository.lock_own(tx, user_id, generation_id)
    unstoppable = _PACK_UNSTOPPABLE if row.kind == Kind.PACK else _UNSTOPPABLE
    if row.status != Status.PROCESSING or await tx.scalar(
        unstoppable, {"id": generation_id, "stoppable": list(stoppable)}
    ):
        raise GenerationNotCancellable
    ring_number = await tx.scalar(_REQUEST_CANCEL, {"id": generation_id})
    tx.after_commit(claims.ring(generation_id, ring_number), Signal(user_id))
