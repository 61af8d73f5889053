"""Stores what a vendor has made (protocol, step 4): under the fence, so that no loser overwrites the winner."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text

from app.core.crashpoints import CrashPoints
from app.core.db import Database, Reader, Tx
from app.core.ids import new_id
from app.core.media import ImagePreparer, PreparedImage
from app.domain.generations import attempts
from app.domain.generations.attempts import Attempt
from app.domain.generations.claims import Lease, LeaseLost
from app.domain.generations.models import AttemptState, Funding
from app.domain.ports import Storage

_STORED = text("SELECT output_index FROM generation_outputs WHERE generation_id = :id")
_RECORD = text(
    """
    INSERT INTO generation_outputs (id, generation_id, output_index, fence, storage_key, preview_key, thumbnail_key,
        mime, width, height, size_bytes, preview_size_bytes, watermarked, clean_key, clean_preview_key,
        clean_thumbnail_key, clean_size_bytes, clean_preview_size_bytes)
    SELECT :output_id, g.id, :output_index, :fence, :storage_key, :preview_key, :thumbnail_key,
        :mime, :width, :height, :size_bytes, :preview_size_bytes, :watermarked, :clean_key, :clean_preview_key,
        :clean_thumbnail_key, :clean_size_bytes, :clean_preview_size_bytes
    FROM generations g
    WHERE g.id = :id AND g.fence = :fence AND g.status = 'PROCESSING' AND g.lease_owner = :owner
    """
)


# Keys of clean originals hang on this many random bytes: who knows the watermarked one's cannot guess them (trap 41).
_SECRET_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class _Kept:
    """A picture and its copies where they are stored."""

    image: PreparedImage
    original: str
    preview: str | None
    thumbnail: str

    @property
    def preview_size_bytes(self) -> int | None:
        return None if self.image.preview is None else len(self.image.preview)


class OutputKeeper:
    """Makes a result ready and keeps it."""

    def __init__(self, db: Database, storage: Storage, preparer: ImagePreparer, crashpoints: CrashPoints) -> None:
        self._db = db
        self._storage = storage
        self._preparer = preparer
        self._crashpoints = crashpoints

    async def keep(self, lease: Lease, attempt: Attempt, data: bytes, *, cost_micros: int) -> None:
        """Store one output and record it; what the house pays for with a watermark, and clean beside it.

        Raises: MediaInvalid for what is no picture, StorageUnavailable (nothing is recorded: try again), LeaseLost.
        """
        image = await self._preparer.prepare(data)
        base = f"generations/{lease.id}/{lease.fence}/{attempt.output_index}"
        clean = None
        if lease.funding is not Funding.CREDITS:
            clean = await self._put(f"{base}.{secrets.token_urlsafe(_SECRET_BYTES)}", image)
            image = await self._preparer.mark(image)
        kept = await self._put(base, image)
        self._crashpoints.reach("output.stored")
        async with self._db.transaction() as tx:
            await _record(tx, lease, attempt.output_index, kept, clean)
            await attempts.finish(tx, attempt.id, AttemptState.MADE, result=attempt.result, cost_micros=cost_micros)
        self._crashpoints.reach("output.recorded")

    async def _put(self, base: str, image: PreparedImage) -> _Kept:
        kept = _Kept(
            image=image,
            original=f"{base}.{image.extension}",
            preview=None if image.preview is None else f"{base}.preview.jpg",
            thumbnail=f"{base}.thumbnail.jpg",
        )
        puts = [
            self._storage.put(kept.original, image.data, mime=image.mime),
            self._storage.put(kept.thumbnail, image.thumbnail, mime="image/jpeg"),
        ]
        if kept.preview is not None and image.preview is not None:
            puts.append(self._storage.put(kept.preview, image.preview, mime="image/jpeg"))
        await asyncio.gather(*puts)
        return kept


async def list_stored(reader: Reader, generation_id: UUID) -> set[int]:
    """The outputs that are stored already."""
    return {row.output_index for row in await reader.all(_STORED, {"id": generation_id})}


async def _record(tx: Tx, lease: Lease, index: int, kept: _Kept, clean: _Kept | None) -> None:
    result = await tx.execute(
        _RECORD,
        {
            "output_id": new_id(),
            "id": lease.id,
            "owner": lease.owner,
            "fence": lease.fence,
            "output_index": index,
            "storage_key": kept.original,
            "preview_key": kept.preview,
            "thumbnail_key": kept.thumbnail,
            "mime": kept.image.mime,
            "width": kept.image.width,
            "height": kept.image.height,
            "size_bytes": len(kept.image.data),
            "preview_size_bytes": kept.preview_size_bytes,
            "watermarked": clean is not None,
            "clean_key": clean.original if clean else None,
            "clean_preview_key": clean.preview if clean else None,
            "clean_thumbnail_key": clean.thumbnail if clean else None,
            "clean_size_bytes": len(clean.image.data) if clean else None,
            "clean_preview_size_bytes": clean.preview_size_bytes if clean else None,
        },
    )
    if result.rowcount != 1:
        raise LeaseLost
