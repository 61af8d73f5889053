"""Hears vendors ring: a task of ours has moved, so that it is asked about now and not at its next poll."""

from typing import Final

from sqlalchemy import text

from app.core.db import Database
from app.domain.generations import claims

# Who is being worked on, or was to be asked about within a moment, is left alone: a vendor repeats its calls.
_RING: Final = text(
    """
    UPDATE generations g SET next_poll_at = now(), next_ring_at = now() + interval '3 seconds',
        ring_number = g.ring_number + 1
    FROM provider_attempts a
    WHERE a.task_id = :task_id AND a.state = 'RUNNING' AND a.provider = :provider AND g.id = a.generation_id
        AND g.status = 'PROCESSING' AND g.lease_owner IS NULL AND g.next_poll_at > now() + interval '1 second'
    RETURNING g.id, g.ring_number
    """
)


class Doorbell:
    """Rings generations by a vendor's task id."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ring(self, provider: str, task_id: str) -> bool:
        """Have the generation behind a task looked at; False when there is none, or it is being looked at."""
        async with self._db.transaction() as tx:
            rows = await tx.all(_RING, {"provider": provider, "task_id": task_id})
            tx.after_commit(*(claims.ring(row.id, row.ring_number) for row in rows))
        return bool(rows)
