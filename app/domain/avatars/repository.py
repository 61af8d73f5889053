"""Reads and writes of avatars. Lock order: the user first, then avatars, then uploads."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from app.core.db import Reader, Tx
from app.domain.avatars.views import AvatarView
from app.domain.uploads import repository as uploads

# More than anybody may have; the statement is bounded by itself.
_LIST_LIMIT: Final = 100
_LIVING: Final = "FROM avatars WHERE user_id = :user_id AND deleted_at IS NULL"
_INSERT = text(
    """
    INSERT INTO avatars (id, user_id, name, photos) VALUES (:id, :user_id, :name, CAST(:photos AS uuid[]))
    """
)
_LIST = text(f"SELECT id, name, photos, created_at {_LIVING} ORDER BY created_at DESC, id DESC LIMIT {_LIST_LIMIT}")
_FIND = text(f"SELECT id, name, photos, created_at {_LIVING} AND id = :id")
_COUNT = text(f"SELECT count(*) {_LIVING}")
_LOCK_PHOTOS = text(f"SELECT photos {_LIVING} AND id = :id FOR UPDATE")
_SET_PHOTOS = text("UPDATE avatars SET photos = CAST(:photos AS uuid[]) WHERE id = :id AND deleted_at IS NULL")
_EMPTY = text("UPDATE avatars SET name = '', photos = '{}', deleted_at = clock_now() WHERE id = :id")
_EMPTY_ALL = text(
    """
    UPDATE avatars SET name = '', photos = '{}', deleted_at = clock_now()
    WHERE user_id = :user_id AND deleted_at IS NULL
    """
)


async def insert(tx: Tx, user_id: int, avatar_id: UUID, name: str, photos: Iterable[UUID]) -> None:
    """Write an avatar of photos that are kept for it."""
    await tx.execute(_INSERT, {"id": avatar_id, "user_id": user_id, "name": name, "photos": list(photos)})


async def find(reader: Reader, user_id: int, avatar_id: UUID) -> AvatarView | None:
    """One of the user's living avatars."""
    views = await _views(reader, user_id, await reader.all(_FIND, {"user_id": user_id, "id": avatar_id}))
    return views[0] if views else None


async def list_(reader: Reader, user_id: int) -> Sequence[AvatarView]:
    """A user's living avatars, newest first."""
    return await _views(reader, user_id, await reader.all(_LIST, {"user_id": user_id}))


async def count(reader: Reader, user_id: int) -> int:
    """How many living avatars a user has."""
    return int(await reader.scalar(_COUNT, {"user_id": user_id}))


async def set_photos(tx: Tx, avatar_id: UUID, photos: Iterable[UUID]) -> None:
    """Let a living avatar have these photos, which are kept for it."""
    await tx.execute(_SET_PHOTOS, {"id": avatar_id, "photos": list(photos)})


async def delete(tx: Tx, user_id: int, avatar_id: UUID) -> list[UUID] | None:
    """Empty an avatar; returns the photos that it kept, or None when the user has no such living one."""
    photos: list[UUID] | None = await tx.scalar(_LOCK_PHOTOS, {"user_id": user_id, "id": avatar_id})
    if photos is not None:
        await tx.execute(_EMPTY, {"id": avatar_id})
    return photos


async def delete_all(tx: Tx, user_id: int) -> None:
    """Empty every avatar of a user who leaves; what they kept is let go with the user's other uploads."""
    await tx.execute(_EMPTY_ALL, {"user_id": user_id})


async def _views(reader: Reader, user_id: int, rows: Sequence[Row[Any]]) -> list[AvatarView]:
    known = {
        view.id: view for view in await uploads.find_used(reader, user_id, [id_ for row in rows for id_ in row.photos])
    }
    return [
        AvatarView(
            id=row.id,
            name=row.name,
            photos=tuple(known[photo] for photo in row.photos if photo in known),
            created_at=row.created_at,
        )
        for row in rows
    ]
