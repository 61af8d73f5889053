"""Stores what a vendor has made (protocol, step 4): under the fence, so that no loser overwrites the winner."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from app.core.crashpoints import CrashPoints
from app.core.db import Database, Reader, Tx
from app.core.ids import new_id
from app.core.media import ImagePreparer, PreparedImage
from app.domain.generations import attempts
from app.domain.generations.attempts import Attempt
from app.domain.generations.claims import Lease, LeaseLost
from app.domain.generations.models import AttemptState
from app.domain.ports import Storage

_STORED = text("SELECT output_index FROM generation_outputs WHERE generation_id = :id")
_RECORD = text(
    """
    INSERT INTO generation_outputs (id, generation_id, output_index, fence, storage_key, preview_key, thumbnail_key,
        mime, width, height, size_bytes, preview_size_bytes)
    SELECT :output_id, g.id, :output_index, :fence, :storage_key, :preview_key, :thumbnail_key,
        :mime, :width, :height, :size_bytes, :preview_size_bytes
    FROM generations g
    WHERE g.id = :id AND g.fence = :fence AND g.status = 'PROCESSING' AND g.lease_owner = :owner
    """
)


@dataclass(frozen=True, slots=True)
class _Keys:
    original: str
    preview: str | None
    thumbnail: str


class OutputKeeper:
    """Makes a result ready and keeps it."""

    def __init__(self, db: Database, storage: Storage, preparer: ImagePreparer, crashpoints: CrashPoints) -> None:
        self._db = db
        self._storage = storage
        self._preparer = preparer
        self._crashpoints = crashpoints

    async def keep(self, lease: Lease, attempt: Attempt, data: bytes, *, cost_micros: int) -> None:
        """Store one output and record it.

        Raises: MediaInvalid for what is no picture, StorageUnavailable (nothing is recorded: try again), LeaseLost.
        """
        image = await self._preparer.prepare(data)
        keys = await self._put(lease, attempt.output_index, image)
        self._crashpoints.reach("output.stored")
        async with self._db.transaction() as tx:
            await _record(tx, lease, attempt.output_index, image, keys)
            await attempts.finish(tx, attempt.id, AttemptState.MADE, result=attempt.result, cost_micros=cost_micros)
        self._crashpoints.reach("output.recorded")

    async def _put(self, lease: Lease, index: int, image: PreparedImage) -> _Keys:
        base = f"generations/{lease.id}/{lease.fence}/{index}"
        keys = _Keys(
            original=f"{base}.{image.extension}",
            preview=None if image.preview is None else f"{base}.preview.jpg",
            thumbnail=f"{base}.thumbnail.jpg",
        )
        puts = [
            self._storage.put(keys.original, image.data, mime=image.mime),
            self._storage.put(keys.thumbnail, image.thumbnail, mime="image/jpeg"),
        ]
        if keys.preview is not None and image.preview is not None:
            puts.append(self._storage.put(keys.preview, image.preview, mime="image/jpeg"))
        await asyncio.gather(*puts)
        return keys


async def list_stored(reader: Reader, generation_id: UUID) -> set[int]:
    """The outputs that are stored already."""
    return {row.output_index for row in await reader.all(_STORED, {"id": generation_id})}


async def _record(tx: Tx, lease: Lease, index: int, image: PreparedImage, keys: _Keys) -> None:
    result = await tx.execute(
        _RECORD,
        {
            "output_id": new_id(),
            "id": lease.id,
            "owner": lease.owner,
            "fence": lease.fence,
            "output_index": index,
            "storage_key": keys.original,
            "preview_key": keys.preview,
            "thumbnail_key": keys.thumbnail,
            "mime": image.mime,
            "width": image.width,
            "height": image.height,
            "size_bytes": len(image.data),
            "preview_size_bytes": None if image.preview is None else len(image.preview),
        },
    )
    if result.rowcount != 1:
        raise LeaseLost
