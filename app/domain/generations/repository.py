"""Reads of generations for surfaces, and the small writes that need no protocol."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.dialects.postgresql import JSONB

from app.core.db import Reader, Tx
from app.domain.catalog.views import readable_titles
from app.domain.errors import GenerationNotFound
from app.domain.generations.models import Funding, Kind, Origin, Status
from app.domain.generations.packs import forget_shots
from app.domain.generations.views import GenerationView, Options, OutputView, Stage

_COLUMNS: Final = """
    g.id, g.user_id, g.kind, g.status, g.model_key, g.prompt, g.negative_prompt, g.options, g.inputs, g.style_key,
    g.avatar_id, g.origin, g.funding, g.price_credits, g.charged_credits, g.returned_credits, g.stage, g.percent,
    g.error_code, g.parent_id, g.created_at, g.started_at, g.completed_at, g.cancel_requested_at,
    m.titles AS model_titles, coalesce(s.titles, p.titles) AS style_titles,
    extract(epoch FROM now() - coalesce(g.started_at, now())) AS running_seconds
"""
_FROM: Final = """
    FROM generations g LEFT JOIN models m ON m.key = g.model_key
        LEFT JOIN styles s ON s.key = g.style_key AND g.kind <> 'pack'
        LEFT JOIN pack_styles p ON p.key = g.style_key AND g.kind = 'pack'
"""


def _select(rest: str) -> Any:
    return text(f"SELECT {_COLUMNS} {_FROM} {rest}").columns(options=JSONB, model_titles=JSONB, style_titles=JSONB)


# A deleted generation is gone for every reader but the books.
_GET = _select("WHERE g.id = :id AND g.deleted_at IS NULL")
_LIST = _select(
    """
    WHERE g.user_id = :user_id AND g.deleted_at IS NULL AND (g.created_at, g.id) < (:before_at, :before_id)
        AND (CAST(:kind AS text) IS NULL OR g.kind = :kind)
        AND (CAST(:status AS text) IS NULL OR g.status = :status)
    ORDER BY g.created_at DESC, g.id DESC LIMIT :limit
    """
)
_LIST_OPEN = _select(
    """
    WHERE g.user_id = :user_id AND g.status IN ('PENDING', 'PROCESSING') ORDER BY g.created_at DESC, g.id DESC LIMIT 100
    """
)
_OUTPUTS = text(
    """
    SELECT generation_id, id, output_index, storage_key, preview_key, thumbnail_key, mime, width, height, size_bytes,
        preview_size_bytes, duration_seconds, watermarked, photo_file_id, document_file_id
    FROM generation_outputs WHERE generation_id = ANY(:ids) ORDER BY generation_id, output_index
    """
)
# Beyond a thousand the exact place helps nobody.
_POSITION = text(
    """
    SELECT count(*) FROM (
        SELECT 1 FROM generations WHERE status = 'PENDING' AND created_at <= :created_at LIMIT 1000) ahead
    """
)
_MEDIAN = text(
    """
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FROM (
        SELECT extract(epoch FROM settled_at - started_at) AS seconds FROM generations
        WHERE model_key = :model_key AND status = 'COMPLETED' AND settled_at > now() - interval '3 days'
        ORDER BY completed_at DESC LIMIT 200) recent
    """
)
_FIND_KEY = text(
    """
    SELECT id, body_hash FROM generations
    WHERE request_key = :key AND (
        (user_id = :user_id AND request_key LIKE 'api:%' AND status IN ('PENDING', 'PROCESSING', 'COMPLETED'))
        OR (user_id = :user_id AND request_key NOT LIKE 'api:%'))
    """
)
_LOCK_OWN = text(
    """
    SELECT status, kind, inputs FROM generations
    WHERE id = :id AND user_id = :user_id AND deleted_at IS NULL FOR UPDATE
    """
)
_OWNS = text("SELECT EXISTS (SELECT 1 FROM generations WHERE id = :id AND user_id = :user_id AND deleted_at IS NULL)")
_FORGET_CONTENT = text(
    """
    UPDATE generations SET prompt = '', rendered_prompt = NULL, negative_prompt = NULL, deleted_at = clock_now(),
        collected_at = NULL
    WHERE id = :id AND user_id = :user_id AND status IN ('COMPLETED', 'FAILED', 'CANCELLED') AND deleted_at IS NULL
    """
)
_FORGET_ALL_CONTENT = text(
    """
    UPDATE generations SET prompt = '', rendered_prompt = NULL, negative_prompt = NULL,
        deleted_at = coalesce(deleted_at, clock_now()), collected_at = NULL
    WHERE user_id = :user_id AND status IN ('COMPLETED', 'FAILED', 'CANCELLED')
    RETURNING id
    """
)
_FORGET_DRAFTS = text("DELETE FROM drafts WHERE user_id = :user_id")
_FORGET_COPIES = text(
    "DELETE FROM drafts WHERE user_id = :user_id AND (generation_id = :id OR origin_generation_id = :id)"
)
_FORGET_OUTPUTS = text(
    """
    DELETE FROM generation_outputs WHERE generation_id = ANY(:ids)
    RETURNING storage_key, preview_key, thumbnail_key, clean_key, clean_preview_key, clean_thumbnail_key
    """
)
_LOCK_COMPLETED = text(
    """
    SELECT id FROM generations
    WHERE id = :id AND user_id = :user_id AND status = 'COMPLETED' AND deleted_at IS NULL FOR UPDATE
    """
)
_WATERMARKED = text("SELECT id FROM generation_outputs WHERE generation_id = :id AND watermarked ORDER BY output_index")
# The time is the statement's own: what was owed before it may show the watermark still. Telegram's ids are of the
# watermarked files.
_SHOW_CLEAN = text(
    """
    UPDATE generation_outputs SET storage_key = clean_key, preview_key = clean_preview_key,
        thumbnail_key = clean_thumbnail_key, size_bytes = clean_size_bytes,
        preview_size_bytes = clean_preview_size_bytes, watermarked = false, clean_key = NULL,
        clean_preview_key = NULL, clean_thumbnail_key = NULL, clean_size_bytes = NULL,
        clean_preview_size_bytes = NULL, photo_file_id = NULL, document_file_id = NULL,
        unlocked_at = clock_now() + (clock_timestamp() - now())
    WHERE generation_id = :id AND watermarked
    """
)
_OPEN_IDS = text(
    "SELECT id FROM generations WHERE user_id = :user_id AND status IN ('PENDING', 'PROCESSING') ORDER BY id LIMIT 100"
)


@dataclass(frozen=True, slots=True)
class Earlier:
    """A generation that was accepted with the same request key."""

    id: UUID
    body_hash: bytes | None


async def find(reader: Reader, generation_id: UUID, *, medians: Mapping[str, float]) -> GenerationView | None:
    """A generation, whoever's it is."""
    rows = await reader.all(_GET, {"id": generation_id})
    views = await _views(reader, rows, medians)
    return views[0] if views else None


async def get_own(reader: Reader, user_id: int, generation_id: UUID, *, medians: Mapping[str, float]) -> GenerationView:
    """A user's generation. Raises: GenerationNotFound, also for somebody else's."""
    view = await find(reader, generation_id, medians=medians)
    if view is None or view.user_id != user_id:
        raise GenerationNotFound
    return view


async def list_page(
    reader: Reader,
    user_id: int,
    *,
    before: tuple[datetime, UUID],
    limit: int,
    kind: str | None,
    status: str | None,
    medians: Mapping[str, float],
) -> Sequence[GenerationView]:
    """A user's generations older than `before`, newest first."""
    rows = await reader.all(
        _LIST,
        {
            "user_id": user_id,
            "before_at": before[0],
            "before_id": before[1],
            "limit": limit,
            "kind": kind,
            "status": status,
        },
    )
    return await _views(reader, rows, medians)


async def list_open(reader: Reader, user_id: int, *, medians: Mapping[str, float]) -> Sequence[GenerationView]:
    """A user's open generations, newest first."""
    return await _views(reader, await reader.all(_LIST_OPEN, {"user_id": user_id}), medians)


async def list_open_ids(reader: Reader, user_id: int) -> list[UUID]:
    """The ids of a user's open generations."""
    return [row.id for row in await reader.all(_OPEN_IDS, {"user_id": user_id})]


async def find_by_key(reader: Reader, user_id: int, key: str) -> Earlier | None:
    """What was accepted with this request key, as far as the key is still taken."""
    row = await reader.one_or_none(_FIND_KEY, {"user_id": user_id, "key": key})
    return Earlier(row.id, row.body_hash) if row else None


async def lock_own(tx: Tx, user_id: int, generation_id: UUID) -> Row[Any]:
    """Status, kind and inputs of a user's generation, its row locked after the user's. Raises: GenerationNotFound."""
    row = await tx.one_or_none(_LOCK_OWN, {"id": generation_id, "user_id": user_id})
    if row is None:
        raise GenerationNotFound
    return row


async def require_own(reader: Reader, user_id: int, generation_id: UUID) -> None:
    """Raises: GenerationNotFound when the user has no such generation, or has deleted it."""
    if not await reader.scalar(_OWNS, {"id": generation_id, "user_id": user_id}):
        raise GenerationNotFound


async def find_median_seconds(reader: Reader, model_key: str) -> float | None:
    """How long a model took lately, as the median of the last days; None when it made nothing."""
    median = await reader.scalar(_MEDIAN, {"model_key": model_key})
    return None if median is None else float(median)


async def forget_content(tx: Tx, user_id: int, generation_id: UUID) -> bool:
    """Empty a final generation's prompt, hide it, and drop the drafts that hold or repeat that prompt.

    False when it is not there, or still open. A dropped draft cannot start again: its key stays the generation's.
    """
    own = {"id": generation_id, "user_id": user_id}
    if (await tx.execute(_FORGET_CONTENT, own)).rowcount != 1:
        return False
    await tx.execute(_FORGET_COPIES, own)
    await forget_shots(tx, [generation_id])
    return True


async def forget_all_content(tx: Tx, user_id: int) -> list[UUID]:
    """Empty and hide every final generation and every draft of a user."""
    await tx.execute(_FORGET_DRAFTS, {"user_id": user_id})
    forgotten = [row.id for row in await tx.all(_FORGET_ALL_CONTENT, {"user_id": user_id})]
    await forget_shots(tx, forgotten)
    return forgotten


async def forget_outputs(tx: Tx, generation_ids: Iterable[UUID]) -> list[str]:
    """Drop the rows of results; returns the keys of the objects that now belong to nobody."""
    rows = await tx.all(_FORGET_OUTPUTS, {"ids": list(generation_ids)})
    return [key for row in rows for key in row if key]


async def list_watermarked(tx: Tx, user_id: int, generation_id: UUID) -> list[UUID]:
    """The outputs of a finished generation that can be unlocked, the generation's row locked after the user's.

    Raises: GenerationNotFound when the user has no such finished generation, or has deleted it.
    """
    if await tx.scalar(_LOCK_COMPLETED, {"id": generation_id, "user_id": user_id}) is None:
        raise GenerationNotFound
    return [row.id for row in await tx.all(_WATERMARKED, {"id": generation_id})]


async def show_clean(tx: Tx, generation_id: UUID) -> None:
    """From now on the clean originals are what is shown; the watermarked objects stay until the generation goes."""
    await tx.execute(_SHOW_CLEAN, {"id": generation_id})


async def _views(reader: Reader, rows: Sequence[Row[Any]], medians: Mapping[str, float]) -> Sequence[GenerationView]:
    if not rows:
        return ()
    outputs: dict[UUID, list[OutputView]] = {row.id: [] for row in rows}
    for row in await reader.all(_OUTPUTS, {"ids": list(outputs)}):
        outputs[row.generation_id].append(_output(row))
    return [
        _view(
            row,
            tuple(outputs[row.id]),
            position=await find_position(reader, row.created_at) if row.status == Status.PENDING else None,
            median=medians.get(row.model_key),
        )
        for row in rows
    ]


async def find_position(reader: Reader, created_at: datetime) -> int:
    """The place in the queue of what was accepted then; 1 is next, 1,000 is that or more."""
    return int(await reader.scalar(_POSITION, {"created_at": created_at}))


def _view(
    row: Row[Any], outputs: tuple[OutputView, ...], *, position: int | None, median: float | None
) -> GenerationView:
    status = Status(row.status)
    is_open = status in {Status.PENDING, Status.PROCESSING}
    eta = None
    if is_open and median is not None:
        eta = max(1, round(timedelta(seconds=median).total_seconds() - float(row.running_seconds)))
    return GenerationView(
        id=row.id,
        user_id=row.user_id,
        kind=Kind(row.kind),
        status=status,
        model_key=row.model_key,
        model_titles=readable_titles(row.model_titles),
        prompt=row.prompt,
        negative_prompt=row.negative_prompt,
        options=Options.from_json(row.options),
        origin=Origin(row.origin),
        funding=Funding(row.funding),
        price_credits=row.price_credits,
        charged_credits=row.charged_credits,
        returned_credits=row.returned_credits,
        stage=_stage(row, status),
        percent=100 if status is Status.COMPLETED else row.percent,
        queue_position=position,
        eta_seconds=eta,
        cancellable=is_open and row.cancel_requested_at is None,
        # A pack is delivered as it comes.
        outputs=outputs if status is Status.COMPLETED or (is_open and row.kind == Kind.PACK) else (),
        error_code=row.error_code,
        parent_id=row.parent_id,
        created_at=row.created_at,
        started_at=row.started_at,
        completed_at=row.completed_at,
        inputs=tuple(row.inputs),
        style_key=row.style_key,
        avatar_id=row.avatar_id,
        style_titles=readable_titles(row.style_titles),
    )


def _stage(row: Row[Any], status: Status) -> Stage:
    if status not in {Status.PENDING, Status.PROCESSING}:
        return Stage.DONE
    if row.cancel_requested_at is not None:
        return Stage.CANCELLING
    return Stage(row.stage)


def _output(row: Row[Any]) -> OutputView:
    return OutputView(
        id=row.id,
        index=row.output_index,
        storage_key=row.storage_key,
        preview_key=row.preview_key,
        thumbnail_key=row.thumbnail_key,
        mime=row.mime,
        width=row.width,
        height=row.height,
        size_bytes=row.size_bytes,
        preview_size_bytes=row.preview_size_bytes,
        watermarked=row.watermarked,
        duration_seconds=row.duration_seconds,
        photo_file_id=row.photo_file_id,
        document_file_id=row.document_file_id,
    )
