"""Deletes objects that belong to no row: of deleted generations, and of runners that lost their lease (trap 35)."""

from typing import Final
from uuid import UUID

from sqlalchemy import text

from app.core.db import Database
from app.core.jobs import Job, Queue
from app.domain.ports import Storage

DELETE_JOB: Final = "collect"

_KEPT = text(
    """
    SELECT storage_key, preview_key, thumbnail_key, clean_key, clean_preview_key, clean_thumbnail_key
    FROM generation_outputs WHERE generation_id = :id
    """
)
_SETTLED = text("SELECT status NOT IN ('PENDING', 'PROCESSING') FROM generations WHERE id = :id")
# Settled a while ago, so that no runner that lost its lease is still putting. Until it has been done it comes up again.
_DUE = text(
    """
    UPDATE generations SET collect_after = now() + interval '10 minutes', ring_number = ring_number + 1 WHERE id IN (
        SELECT id FROM generations
        WHERE settled_at < now() - interval '10 minutes' AND collected_at IS NULL
            AND (fence > 1 OR deleted_at IS NOT NULL) AND coalesce(collect_after < now(), true)
        ORDER BY settled_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ) RETURNING id, ring_number
    """
)
_DONE = text(
    "UPDATE generations SET collected_at = now() WHERE id = :id AND settled_at < now() - interval '10 minutes'"
)


class ObjectCollector:
    """Keeps the object store to what the rows name."""

    def __init__(self, db: Database, storage: Storage) -> None:
        self._db = db
        self._storage = storage

    async def collect(self, generation_id: UUID) -> None:
        """Delete the objects of a settled generation that no row names. Raises: StorageUnavailable."""
        async with self._db.read() as reader:
            if not await reader.scalar(_SETTLED, {"id": generation_id}):
                return
            rows = await reader.all(_KEPT, {"id": generation_id})
        kept = {key for row in rows for key in row}
        found = await self._storage.list_keys(f"generations/{generation_id}/")
        orphans = [key for key in found if key not in kept]
        if orphans:
            await self._storage.delete(orphans)
        async with self._db.transaction() as tx:
            await tx.execute(_DONE, {"id": generation_id})

    async def ring_due(self, *, limit: int) -> list[Job]:
        """Generations whose objects have not been looked through since they were settled."""
        async with self._db.transaction() as tx:
            rows = await tx.all(_DUE, {"limit": limit})
        return [Job(Queue.REST, DELETE_JOB, str(row.id), row.ring_number) for row in rows]
