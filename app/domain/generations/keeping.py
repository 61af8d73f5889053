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
from app.core.media import PreparedImage
from app.core.media_results import PreparedVideo, ResultPreparer
from app.domain.generations import attempts
from app.domain.generations.attempts import Attempt
from app.domain.generations.claims import Lease, LeaseLost
from app.domain.generations.models import AttemptState, Funding, Kind
from app.domain.ports import Storage

_STORED = text("SELECT output_index FROM generation_outputs WHERE generation_id = :id")
# The output and its attempt in one statement: neither is known without the other.
_RECORD = text(
    f"""
    WITH recorded AS (
    INSERT INTO generation_outputs (id, generation_id, output_index, fence, storage_key, preview_key, thumbnail_key,
        mime, width, height, size_bytes, preview_size_bytes, duration_seconds, watermarked, clean_key,
        clean_preview_key, clean_thumbnail_key, clean_size_bytes, clean_preview_size_bytes)
    SELECT :output_id, g.id, :output_index, :fence, :storage_key, :preview_key, :thumbnail_key,
        :mime, :width, :height, :size_bytes, :preview_size_bytes, :duration_seconds, :watermarked, :clean_key,
        :clean_preview_key, :clean_thumbnail_key, :clean_size_bytes, :clean_preview_size_bytes
    FROM generations g
    WHERE g.id = :id AND g.fence = :fence AND g.status = 'PROCESSING' AND g.lease_owner = :owner
    RETURNING id
    ),
    made AS ({attempts.FINISH} AND EXISTS (SELECT 1 FROM recorded))
    SELECT id FROM recorded
    """  # noqa: S608 - fixed text
)


# Keys of clean originals hang on this many random bytes: who knows the watermarked one's cannot guess them (trap 41).
_SECRET_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class _Kept:
    """A picture or video and its copies where they are stored; a video's preview is its poster."""

    result: PreparedImage | PreparedVideo
    original: str
    preview: str | None
    thumbnail: str

    @property
    def preview_size_bytes(self) -> int | None:
        return None if self.result.preview is None else len(self.result.preview)

    @property
    def duration_seconds(self) -> float | None:
        return self.result.duration_seconds if isinstance(self.result, PreparedVideo) else None


class OutputKeeper:
    """Makes a result ready and keeps it."""

    def __init__(self, db: Database, storage: Storage, preparer: ResultPreparer, crashpoints: CrashPoints) -> None:
        self._db = db
        self._storage = storage
        self._preparer = preparer
        self._crashpoints = crashpoints

    async def keep(self, lease: Lease, attempt: Attempt, data: bytes, *, secret: str, cost_micros: int) -> None:
        """Store one output and record it; what the house pays for with a watermark, and clean beside it.

        `secret` names the clean one. Under one lease it stays the same for every try, so that a later try overwrites
        what an earlier one has left.
        Raises: MediaInvalid for what is not of the kind ordered, StorageUnavailable and MediaUnavailable (nothing is
            recorded: try again), LeaseLost.
        """
        result = await self._preparer.prepare(data, is_video=lease.kind is Kind.VIDEO)
        base = f"generations/{lease.id}/{lease.fence}/{attempt.output_index}"
        clean = None
        if lease.funding is not Funding.CREDITS:
            # Marked before anything is put: what cannot be marked leaves nothing behind.
            marked = await self._preparer.mark(result)
            clean = await self._put(f"{base}.{secret}", result)
            result = marked
        kept = await self._put(base, result)
        self._crashpoints.reach("output.stored")
        made = attempts.finished(attempt, AttemptState.MADE, result=attempt.result, cost_micros=cost_micros)
        async with self._db.single() as tx:
            await _record(tx, lease, attempt.output_index, kept, clean, made)
        self._crashpoints.reach("output.recorded")

    async def _put(self, base: str, result: PreparedImage | PreparedVideo) -> _Kept:
        kept = _Kept(
            result=result,
            original=f"{base}.{result.extension}",
            preview=None if result.preview is None else f"{base}.preview.jpg",
            thumbnail=f"{base}.thumbnail.jpg",
        )
        puts = [
            self._storage.put(kept.original, result.data, mime=result.mime),
            self._storage.put(kept.thumbnail, result.thumbnail, mime="image/jpeg"),
        ]
        if kept.preview is not None and result.preview is not None:
            puts.append(self._storage.put(kept.preview, result.preview, mime="image/jpeg"))
        await asyncio.gather(*puts)
        return kept


def new_secret() -> str:
    """What nobody can guess, to name a clean original with."""
    return secrets.token_urlsafe(_SECRET_BYTES)


async def list_stored(reader: Reader, generation_id: UUID) -> set[int]:
    """The outputs that are stored already."""
    return {row.output_index for row in await reader.all(_STORED, {"id": generation_id})}


async def _record(tx: Tx, lease: Lease, index: int, kept: _Kept, clean: _Kept | None, made: dict[str, object]) -> None:
    """The winner's output, and its attempt as made. Raises: LeaseLost."""
    recorded = await tx.scalar(
        _RECORD,
        {
            **made,
            "output_id": new_id(),
            "id": lease.id,
            "owner": lease.owner,
            "fence": lease.fence,
            "output_index": index,
            "storage_key": kept.original,
            "preview_key": kept.preview,
            "thumbnail_key": kept.thumbnail,
            "mime": kept.result.mime,
            "width": kept.result.width,
            "height": kept.result.height,
            "size_bytes": len(kept.result.data),
            "preview_size_bytes": kept.preview_size_bytes,
            "duration_seconds": kept.duration_seconds,
            "watermarked": clean is not None,
            "clean_key": clean.original if clean else None,
            "clean_preview_key": clean.preview if clean else None,
            "clean_thumbnail_key": clean.thumbnail if clean else None,
            "clean_size_bytes": len(clean.result.data) if clean else None,
            "clean_preview_size_bytes": clean.preview_size_bytes if clean else None,
        },
    )
    if recorded is None:
        raise LeaseLost
