"""Rows of drafts."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.core.db import Reader, Tx
from app.core.ids import new_id
from app.domain.errors import NotFound
from app.domain.generations.models import Awaits, Funding, Kind
from app.domain.generations.requests import NewDraft
from app.domain.generations.views import ChatFile, DraftStatus, DraftView, Options

_COLUMNS: Final = """
    id, user_id, kind, model_key, prompt, negative_prompt, options, inputs, style_key, avatar_id, funding,
    price_credits, generation_id, origin_generation_id, parent_id, awaits, files, media_group_id,
    created_at, expires_at, expires_at <= clock_now() AS expired
"""
_INSERT = (
    text(
        f"""
    INSERT INTO drafts (id, user_id, kind, model_key, prompt, negative_prompt, options, inputs, style_key, avatar_id,
        funding, price_credits, parent_id, update_id, origin_generation_id, awaits, files, media_group_id, expires_at)
    VALUES (:id, :user_id, :kind, :model_key, :prompt, :negative_prompt, :options, CAST(:inputs AS uuid[]), :style_key,
        CAST(:avatar_id AS uuid), :funding, :price_credits, :parent_id, :update_id, :origin_generation_id, :awaits,
        :files, :media_group_id,
        clock_now() + CAST(:life AS interval))
    RETURNING {_COLUMNS}
    """  # noqa: S608 - fixed text
    )
    .bindparams(bindparam("options", type_=JSONB), bindparam("files", type_=JSONB))
    .columns(options=JSONB, files=JSONB)
)
_UPDATE = (
    text(
        f"""
    UPDATE drafts SET model_key = :model_key, options = :options, funding = :funding,
        price_credits = :price_credits,
        expires_at = clock_now() + CAST(:life AS interval)
    WHERE id = :id AND generation_id IS NULL RETURNING {_COLUMNS}
    """  # noqa: S608 - fixed text
    )
    .bindparams(bindparam("options", type_=JSONB))
    .columns(options=JSONB, files=JSONB)
)
_GET = text(
    f"SELECT {_COLUMNS} FROM drafts WHERE id = :id AND user_id = :user_id"  # noqa: S608 - fixed text
).columns(options=JSONB, files=JSONB)
_LOCK = text(
    f"SELECT {_COLUMNS} FROM drafts WHERE id = :id AND user_id = :user_id FOR UPDATE"  # noqa: S608 - fixed text
).columns(options=JSONB, files=JSONB)
_BY_UPDATE = text(
    f"SELECT {_COLUMNS} FROM drafts WHERE update_id = :update_id AND user_id = :user_id"  # noqa: S608 - fixed text
).columns(options=JSONB, files=JSONB)
# So long does a question stay in mind; what is written later may well be about something else.
_WAITED_LONG = text(
    "SELECT created_at < clock_now() - interval '10 minutes' FROM drafts WHERE id = :id AND user_id = :user_id"
)
_LEAVE_ALBUM = text("UPDATE drafts SET media_group_id = NULL WHERE id = :id")
_LOCK_ALBUM = text(
    f"""
    SELECT {_COLUMNS} FROM drafts
    WHERE user_id = :user_id AND media_group_id = :media_group_id FOR UPDATE
    """  # noqa: S608 - fixed text
).columns(options=JSONB, files=JSONB)
# Of a day: so long does Telegram repeat an update.
_LOCK_GATHERING = (
    text(
        f"""
    SELECT {_COLUMNS} FROM drafts
    WHERE user_id = :user_id AND kind = 'pack' AND created_at > clock_now() - interval '1 day'
        AND (files @> :same_message OR files @> :same_album)
    ORDER BY created_at DESC, id DESC LIMIT 1 FOR UPDATE
    """  # noqa: S608 - fixed text
    )
    .bindparams(bindparam("same_message", type_=JSONB), bindparam("same_album", type_=JSONB))
    .columns(options=JSONB, files=JSONB)
)
# Whoever has not answered for an hour thinks of something else.
_WAITING = text(
    f"""
    SELECT {_COLUMNS} FROM drafts
    WHERE user_id = :user_id AND awaits = ANY(:accepted) AND generation_id IS NULL
        AND created_at > clock_now() - interval '1 hour' AND expires_at > clock_now()
    ORDER BY created_at DESC, id DESC LIMIT 1
    """  # noqa: S608 - fixed text
).columns(options=JSONB, files=JSONB)
_FILES = (
    text(
        f"""
    UPDATE drafts SET files = :files, inputs = CAST(:inputs AS uuid[]), prompt = :prompt, awaits = :awaits,
        avatar_id = CAST(:avatar_id AS uuid)
    WHERE id = :id AND generation_id IS NULL RETURNING {_COLUMNS}
    """  # noqa: S608 - fixed text
    )
    .bindparams(bindparam("files", type_=JSONB))
    .columns(options=JSONB, files=JSONB)
)
# One statement, since every text that is written asks it.
_LOOK_UP = text(
    """
    SELECT
        (SELECT id FROM drafts WHERE update_id = :update_id AND user_id = :user_id) AS earlier_id,
        EXISTS (
            SELECT 1 FROM drafts
            WHERE user_id = :user_id AND awaits = ANY(:accepted) AND generation_id IS NULL
                AND created_at > clock_now() - interval '1 hour' AND expires_at > clock_now()) AS waits
    """
)
# What was started, or asked too long ago, waits no more by itself.
_WAIT_NO_MORE = text(
    """
    UPDATE drafts SET awaits = NULL WHERE user_id = :user_id AND awaits IS NOT NULL
    RETURNING generation_id IS NULL AND created_at > clock_now() - interval '1 hour' AND expires_at > clock_now()
        AS waited
    """
)
_GATHER_NO_MORE = text(
    """
    UPDATE drafts SET awaits = NULL
    WHERE user_id = :user_id AND awaits IS NOT NULL
        AND (id = CAST(:draft_id AS uuid) OR avatar_id = CAST(:avatar_id AS uuid))
    """
)
_WAIT_AGAIN = text(
    """
    UPDATE drafts SET awaits = :awaits, created_at = clock_now()
    WHERE id = :id AND user_id = :user_id AND generation_id IS NULL
    """
)
# A keyboard this old is answered with "outdated"; its draft holds a prompt that nobody needs any more.
_PURGE = text(
    """
    DELETE FROM drafts WHERE id IN (
        SELECT id FROM drafts WHERE expires_at < clock_now() - interval '7 days'
        ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED)
    """
)


async def insert_draft(
    tx: Tx, user_id: int, new: NewDraft, options: Options, price_credits: int, *, life: timedelta
) -> DraftView:
    """Write a draft of the model that was chosen."""
    row = await tx.one_or_none(
        _INSERT,
        {
            "id": new_id(),
            "user_id": user_id,
            "kind": new.kind.value,
            "model_key": new.model_key,
            "prompt": new.prompt,
            "negative_prompt": new.negative_prompt,
            "options": options.as_json(),
            "inputs": list(new.inputs),
            "style_key": new.style_key,
            "avatar_id": new.avatar_id,
            "funding": new.funding.value,
            "price_credits": price_credits,
            "parent_id": new.parent_id,
            "update_id": new.update_id,
            "origin_generation_id": new.origin_generation_id,
            "awaits": None if new.awaits is None else new.awaits.value,
            "files": [file.as_json() for file in new.files],
            "media_group_id": new.media_group_id,
            "life": life,
        },
    )
    if row is None:
        message = "an insert returned nothing"
        raise AssertionError(message)
    return _view(row)


async def update_draft(tx: Tx, draft: DraftView, *, life: timedelta) -> DraftView | None:
    """Write what can be changed of an open draft; None when it was started or is gone."""
    row = await tx.one_or_none(
        _UPDATE,
        {
            "id": draft.id,
            "model_key": draft.model_key,
            "options": draft.options.as_json(),
            "funding": draft.funding.value,
            "price_credits": draft.price_credits,
            "life": life,
        },
    )
    return _view(row) if row else None


async def lock_draft(tx: Tx, user_id: int, draft_id: UUID) -> DraftView | None:
    """A user's draft, its row locked after the user's; None when it is gone."""
    row = await tx.one_or_none(_LOCK, {"id": draft_id, "user_id": user_id})
    return _view(row) if row else None


async def get_draft(reader: Reader, user_id: int, draft_id: UUID) -> DraftView:
    """A user's draft. Raises: NotFound, also for somebody else's."""
    row = await reader.one_or_none(_GET, {"id": draft_id, "user_id": user_id})
    if row is None:
        raise NotFound
    return _view(row)


async def find_by_update(reader: Reader, user_id: int, update_id: int | None) -> DraftView | None:
    """The draft that an update has made."""
    row = await reader.one_or_none(_BY_UPDATE, {"update_id": update_id, "user_id": user_id})
    return _view(row) if row else None


async def lock_album(tx: Tx, user_id: int, media_group_id: str) -> DraftView | None:
    """The draft of an album; the caller holds the user's lock."""
    row = await tx.one_or_none(_LOCK_ALBUM, {"user_id": user_id, "media_group_id": media_group_id})
    return _view(row) if row else None


async def has_waited_long(reader: Reader, user_id: int, draft_id: UUID) -> bool:
    """Whether what a draft waits for comes so late that it may be meant for something else."""
    return bool(await reader.scalar(_WAITED_LONG, {"user_id": user_id, "id": draft_id}))


async def leave_album(tx: Tx, draft_id: UUID) -> None:
    """Let another draft be its album's, whose further parts go there."""
    await tx.execute(_LEAVE_ALBUM, {"id": draft_id})


async def lock_gathering(tx: Tx, user_id: int, message_id: int, media_group_id: str | None) -> DraftView | None:
    """The pack that has the photo of this message, or of its album another part; the caller holds the user's lock."""
    same_message = [{"message_id": message_id}]
    same_album = same_message if media_group_id is None else [{"media_group_id": media_group_id}]
    params = {"user_id": user_id, "same_message": same_message, "same_album": same_album}
    row = await tx.one_or_none(_LOCK_GATHERING, params)
    return _view(row) if row else None


async def update_content(tx: Tx, draft: DraftView) -> DraftView | None:
    """Write what an open draft is made from and what it waits for; None when it was started or is gone."""
    row = await tx.one_or_none(
        _FILES,
        {
            "id": draft.id,
            "files": [file.as_json() for file in draft.files],
            "inputs": list(draft.inputs),
            "prompt": draft.prompt,
            "awaits": None if draft.awaits is None else draft.awaits.value,
            "avatar_id": draft.avatar_id,
        },
    )
    return _view(row) if row else None


async def find_waiting(reader: Reader, user_id: int, accepted: Collection[Awaits]) -> DraftView | None:
    """The newest draft of the last hour that waits for one of these."""
    row = await reader.one_or_none(_WAITING, {"user_id": user_id, "accepted": [each.value for each in accepted]})
    return _view(row) if row else None


async def look_up(
    reader: Reader, user_id: int, accepted: Collection[Awaits], *, update_id: int
) -> tuple[UUID | None, bool]:
    """The draft that this update has made before, if it did, and whether one waits for such a message."""
    params = {"user_id": user_id, "update_id": update_id, "accepted": [each.value for each in accepted]}
    row = await reader.one_or_none(_LOOK_UP, params)
    return (None, False) if row is None else (row.earlier_id, row.waits)


async def wait_no_more(tx: Tx, user_id: int) -> int:
    """Let no draft of a user's wait any more: one question is open at a time. Returns how many did."""
    return sum(row.waited for row in await tx.all(_WAIT_NO_MORE, {"user_id": user_id}))


async def gather_no_more(tx: Tx, user_id: int, *, draft_id: UUID | None = None, avatar_id: UUID | None = None) -> None:
    """Let this draft, or the packs of this person, take no more photos; any other question stays open."""
    await tx.execute(_GATHER_NO_MORE, {"user_id": user_id, "draft_id": draft_id, "avatar_id": avatar_id})


async def wait_again(tx: Tx, user_id: int, draft_id: UUID, awaits: Awaits) -> bool:
    """Let an open draft be the one that waits, as if it were written now; False when it was started or is gone."""
    await wait_no_more(tx, user_id)
    params = {"user_id": user_id, "id": draft_id, "awaits": awaits.value}
    return (await tx.execute(_WAIT_AGAIN, params)).rowcount == 1


async def purge_drafts(tx: Tx, *, limit: int) -> int:
    """Delete drafts that expired long ago; returns how many."""
    return (await tx.execute(_PURGE, {"limit": limit})).rowcount


def _view(row: Row[Any]) -> DraftView:
    status = DraftStatus.OPEN
    if row.generation_id is not None:
        status = DraftStatus.STARTED
    elif row.expired:
        status = DraftStatus.EXPIRED
    return DraftView(
        id=row.id,
        user_id=row.user_id,
        kind=Kind(row.kind),
        model_key=row.model_key,
        prompt=row.prompt,
        negative_prompt=row.negative_prompt,
        options=Options.from_json(row.options),
        funding=Funding(row.funding),
        price_credits=row.price_credits,
        status=status,
        generation_id=row.generation_id,
        origin_generation_id=row.origin_generation_id,
        parent_id=row.parent_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
        inputs=tuple(row.inputs),
        awaits=None if row.awaits is None else Awaits(row.awaits),
        files=tuple(ChatFile.from_json(file) for file in row.files),
        style_key=row.style_key,
        avatar_id=row.avatar_id,
        media_group_id=row.media_group_id,
    )
