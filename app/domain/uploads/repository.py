"""Reads and writes of uploads. Lock order: the user first, then uploads, then generations."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from app.core.db import Reader, Tx
from app.domain.uploads.views import UploadTerms, UploadView

_END: Final = "coalesce(u.settled_at + CAST(:kept AS interval), u.expires_at)"
# A living avatar keeps its photos whatever their time.
_USABLE: Final = f"u.is_stored AND (u.avatar_count > 0 OR {_END} > clock_now())"
_COLUMNS: Final = f"u.id, u.storage_key, u.mime, u.width, u.height, u.size_bytes, {_END} AS expires_at"
_INSERT = text(
    """
    INSERT INTO uploads (id, user_id, source_id, storage_key, mime, width, height, size_bytes, expires_at)
    VALUES (:id, :user_id, :source_id, :storage_key, :mime, :width, :height, :size_bytes,
        clock_now() + CAST(:life AS interval))
    """
)
# Whoever left for good while the object was on its way has their uploads expired, this one included.
_CONFIRM = text(
    f"""
    UPDATE uploads u SET is_stored = true WHERE u.id = :id AND u.expires_at > clock_now() RETURNING {_COLUMNS}
    """  # noqa: S608 - fixed text
)
_FIND = text(
    f"""
    SELECT {_COLUMNS}, {_USABLE} AS usable FROM uploads u
    WHERE u.user_id = :user_id AND u.id = ANY(:ids)
    """  # noqa: S608 - fixed text
)
_FIND_COPIES = text(
    f"""
    SELECT {_COLUMNS}, u.source_id FROM uploads u
    WHERE u.user_id = :user_id AND u.source_id = ANY(:ids) AND {_USABLE}
    """  # noqa: S608 - fixed text
)
_FIND_USED = text(
    f"SELECT {_COLUMNS} FROM uploads u WHERE u.user_id = :user_id AND u.id = ANY(:ids)"  # noqa: S608 - fixed text
)
_UNUSED = text(
    """
    SELECT count(*) FROM uploads
    WHERE user_id = :user_id AND settled_at IS NULL AND avatar_count = 0 AND expires_at > clock_now()
    """
)
# It changes the row, so that an erasure that was waiting for the lock looks again and finds it in use.
_HOLD = text(
    f"""
    UPDATE uploads u SET settled_at = NULL,
        expires_at = greatest(u.expires_at, clock_now() + CAST(:life AS interval))
    WHERE u.user_id = :user_id AND u.id = ANY(:ids) AND {_USABLE}
    RETURNING u.id
    """  # noqa: S608 - fixed text
)
_KEEP_FOR_AVATAR = text(
    f"""
    UPDATE uploads u SET avatar_count = u.avatar_count + 1
    WHERE u.user_id = :user_id AND u.id = ANY(:ids) AND {_USABLE}
    RETURNING u.id
    """  # noqa: S608 - fixed text
)
_RELEASE_FROM_AVATAR = text(
    """
    UPDATE uploads SET avatar_count = avatar_count - 1, expires_at = clock_now(), settled_at = NULL, erase_after = NULL
    WHERE user_id = :user_id AND id = ANY(:ids)
    """
)
_PART_FROM_SOURCES = text(
    "UPDATE uploads SET source_id = NULL WHERE user_id = :user_id AND source_id = ANY(:source_ids)"
)
_SETTLED = text("UPDATE uploads SET settled_at = clock_now() WHERE user_id = :user_id AND id = ANY(:ids)")
_FORGET = text(
    """
    UPDATE uploads SET expires_at = clock_now(), settled_at = NULL, erase_after = NULL
    WHERE user_id = :user_id AND id = ANY(:ids)
    """
)
_FORGET_ALL = text(
    """
    UPDATE uploads SET avatar_count = 0, expires_at = clock_now(), settled_at = NULL, erase_after = NULL
    WHERE user_id = :user_id RETURNING id
    """
)
# What is not stored may still be on its way, unless it is old.
_OVER: Final = """
    u.avatar_count = 0
    AND (
        (u.settled_at IS NULL AND u.expires_at <= clock_now())
        OR u.settled_at <= clock_now() - CAST(:kept AS interval))
    AND (u.is_stored OR u.created_at < now() - interval '10 minutes')
    AND NOT EXISTS (
        SELECT 1 FROM generations g
        WHERE g.user_id = u.user_id AND g.status IN ('PENDING', 'PROCESSING') AND u.id = ANY(g.inputs))
"""
_RING_DUE = text(
    f"""
    UPDATE uploads SET erase_after = now() + interval '10 minutes', ring_number = ring_number + 1 WHERE id IN (
        SELECT u.id FROM uploads u WHERE {_OVER} AND coalesce(u.erase_after < now(), true)
        ORDER BY u.id LIMIT :limit FOR UPDATE SKIP LOCKED
    ) RETURNING id, ring_number
    """  # noqa: S608 - fixed text
)
_TAKE_AWAY = text(
    f"UPDATE uploads u SET is_stored = false WHERE u.id = :id AND {_OVER} RETURNING u.storage_key"  # noqa: S608 - fixed text
)
_DELETE = text("DELETE FROM uploads WHERE id = :id AND NOT is_stored")


async def insert(
    tx: Tx,
    *,
    upload_id: UUID,
    user_id: int,
    source_id: UUID | None,
    storage_key: str,
    mime: str,
    size: tuple[int, int],
    size_bytes: int,
    terms: UploadTerms,
) -> None:
    """Write down what is about to be stored."""
    await tx.execute(
        _INSERT,
        {
            "id": upload_id,
            "user_id": user_id,
            "source_id": source_id,
            "storage_key": storage_key,
            "mime": mime,
            "width": size[0],
            "height": size[1],
            "size_bytes": size_bytes,
            "life": terms.life,
        },
    )


async def confirm(tx: Tx, upload_id: UUID, *, kept: timedelta) -> UploadView | None:
    """The object is stored. None when its owner has left meanwhile: it is to be deleted again (trap 35)."""
    row = await tx.one_or_none(_CONFIRM, {"id": upload_id, "kept": kept})
    return None if row is None else _view(row)


async def find(
    reader: Reader, user_id: int, ids: Collection[UUID], *, kept: timedelta
) -> dict[UUID, UploadView | None]:
    """The user's own among these; None for those that are not kept any more."""
    rows = await reader.all(_FIND, {"user_id": user_id, "ids": list(ids), "kept": kept})
    return {row.id: _view(row) if row.usable else None for row in rows}


async def find_copies(
    reader: Reader, user_id: int, source_ids: Collection[UUID], *, kept: timedelta
) -> dict[UUID, UploadView]:
    """Copies of results, by the result's id."""
    rows = await reader.all(_FIND_COPIES, {"user_id": user_id, "ids": list(source_ids), "kept": kept})
    return {row.source_id: _view(row) for row in rows}


async def part_from_sources(tx: Tx, user_id: int, source_ids: Collection[UUID]) -> None:
    """These results are not what was copied any more, under the user's lock: the next use copies them anew."""
    await tx.execute(_PART_FROM_SOURCES, {"user_id": user_id, "source_ids": list(source_ids)})


async def find_used(reader: Reader, user_id: int, ids: Sequence[UUID]) -> list[UploadView]:
    """What an open generation works from, in order; what is missing is left out."""
    rows = await reader.all(_FIND_USED, {"user_id": user_id, "ids": list(ids), "kept": timedelta()})
    known = {row.id: _view(row) for row in rows}
    return [known[upload_id] for upload_id in ids if upload_id in known]


async def count_unused(reader: Reader, user_id: int) -> int:
    """How many uploads of a user wait to be used."""
    return int(await reader.scalar(_UNUSED, {"user_id": user_id}))


async def hold(tx: Tx, user_id: int, ids: Collection[UUID], terms: UploadTerms) -> bool:
    """Keep what a generation is accepted with, under the user's lock; False when one of them is not kept any more."""
    held = await tx.all(_HOLD, {"user_id": user_id, "ids": list(ids), "kept": terms.kept, "life": terms.life})
    return len(held) == len(set(ids))


async def keep_for_avatar(tx: Tx, user_id: int, ids: Collection[UUID], *, kept: timedelta) -> bool:
    """Keep these while an avatar lives, under the user's lock; False when one of them is not kept any more."""
    held = await tx.all(_KEEP_FOR_AVATAR, {"user_id": user_id, "ids": list(ids), "kept": kept})
    return len(held) == len(set(ids))


async def release_from_avatar(tx: Tx, user_id: int, ids: Collection[UUID]) -> None:
    """An avatar has gone: let these be erased now, unless another one or an open generation has them."""
    await tx.execute(_RELEASE_FROM_AVATAR, {"user_id": user_id, "ids": list(ids)})


async def note_settled(tx: Tx, user_id: int, ids: Collection[UUID]) -> None:
    """A generation that used these has ended."""
    if ids:
        await tx.execute(_SETTLED, {"user_id": user_id, "ids": list(ids)})


async def forget(tx: Tx, user_id: int, ids: Collection[UUID]) -> None:
    """Let these be erased now, unless an open generation uses them."""
    if ids:
        await tx.execute(_FORGET, {"user_id": user_id, "ids": list(ids)})


async def forget_all(tx: Tx, user_id: int) -> list[UUID]:
    """Let everything that a user has sent be erased now; returns the ids."""
    return [row.id for row in await tx.all(_FORGET_ALL, {"user_id": user_id})]


async def ring_due(tx: Tx, *, kept: timedelta, limit: int) -> list[tuple[UUID, int]]:
    """Uploads whose time is over, each with the number of its ring."""
    return [(row.id, row.ring_number) for row in await tx.all(_RING_DUE, {"kept": kept, "limit": limit})]


async def take_away(tx: Tx, upload_id: UUID, *, kept: timedelta) -> str | None:
    """The key of an object to be deleted, which nobody can use from now on; None when it is still wanted."""
    row = await tx.one_or_none(_TAKE_AWAY, {"id": upload_id, "kept": kept})
    return None if row is None else str(row.storage_key)


async def delete(tx: Tx, upload_id: UUID) -> None:
    """Drop the row of an object that is deleted."""
    await tx.execute(_DELETE, {"id": upload_id})


def _view(row: Row[Any]) -> UploadView:
    return UploadView(
        id=row.id,
        storage_key=row.storage_key,
        mime=row.mime,
        width=row.width,
        height=row.height,
        size_bytes=row.size_bytes,
        expires_at=row.expires_at,
    )
