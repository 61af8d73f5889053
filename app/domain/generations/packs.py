"""Photo packs: what an order of one comes to, and the shots that it is worked off by.

The shots' words are stored when it is accepted, so that no later change of the catalogue touches an open order.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from uuid import UUID

from sqlalchemy import text

from app.core.db import Reader, Tx
from app.domain.actors import Actor
from app.domain.avatars.service import AvatarService
from app.domain.catalog.service import CatalogService
from app.domain.catalog.views import Model
from app.domain.errors import FailureReason, NotFound, StyleUnavailable, UploadInvalid, ValidationFailed
from app.domain.generations.models import Kind
from app.domain.generations.requests import NewDraft, SubmitGeneration

CHUNK: Final = 5
"""Shots that are worked on at a time, and delivered as one album (spec, row 8)."""

_WRITE_SHOTS = text(
    """
    INSERT INTO pack_shots (generation_id, output_index, prompt)
    SELECT :id, row_number() OVER (ORDER BY position) - 1, s.prompt || :words
    FROM style_shots s WHERE s.style_key = :style_key
    """
)
_COUNT_SHOTS = text("SELECT count(*) FROM style_shots WHERE style_key = :style_key")
_LOST = text("SELECT output_index, lost_reason FROM pack_shots WHERE generation_id = :id AND lost_reason IS NOT NULL")
_NOTE_LOST = text(
    "UPDATE pack_shots SET lost_reason = :reason WHERE generation_id = :id AND output_index = ANY(:indices)"
)
_FORGET_SHOTS = text("DELETE FROM pack_shots WHERE generation_id = ANY(:ids)")


class PackPlanner:
    """Turns a pack and an avatar into what every other order has: a number of outputs and inputs."""

    def __init__(self, catalog: CatalogService, avatars: AvatarService) -> None:
        self._catalog = catalog
        self._avatars = avatars

    async def complete(self, actor: Actor, request: SubmitGeneration, model: Model) -> SubmitGeneration:
        """The order with a shot for each output and the avatar's photos for inputs; of other kinds, as it is.

        Raises: ValidationFailed, StyleUnavailable (also when the pack has no longer as many shots as a draft's price
            was for), NotFound (an avatar that is not the actor's), UploadInvalid (`gone`: a draft's avatar is deleted).
        """
        _check_fields(request.kind, request.style_key, request.avatar_id, request.inputs, is_draft=_is_draft(request))
        if request.kind is not Kind.PACK:
            return request
        if _is_draft(request):
            await self.require_unchanged(request.kind, request.style_key, request.options.count)
        count = await self.count(request.style_key, request.options.count)
        photos = await self._photos(actor, request.avatar_id, model, were_kept=_is_draft(request))
        return replace(request, options=replace(request.options, count=count), inputs=photos)

    async def complete_draft(self, actor: Actor, new: NewDraft) -> NewDraft:
        """The same for a draft, whose model may be left out. Raises: as `complete`; Maintenance, ModelUnavailable."""
        is_copy = new.origin_generation_id is not None
        if new.kind is Kind.PACK and new.awaits is not None and new.avatar_id is None:
            # Whom it shows, the photos of the next message say.
            return replace(new, count=await self.count(new.style_key, None))
        _check_fields(new.kind, new.style_key, new.avatar_id, new.inputs, is_draft=is_copy)
        if new.kind is not Kind.PACK:
            return new
        count = await self.count(new.style_key, None if is_copy else new.count)
        key = new.model_key
        model = await (self._catalog.get_enabled(key) if key else self._catalog.get_first(new.kind.value, None))
        photos = await self._photos(actor, new.avatar_id, model, were_kept=is_copy)
        return replace(new, model_key=model.key, count=count, inputs=photos)

    async def count(self, style_key: str | None, count: int | None) -> int:
        """How many shots a pack has, of which a client can only ask for all; None of who asks for no number.

        Raises: Maintenance, StyleUnavailable, ValidationFailed.
        """
        pack = await self._catalog.get_pack(style_key or "")
        if count not in {None, len(pack.shots)}:
            raise ValidationFailed({"options.count": f"is that of the pack: {len(pack.shots)}"})
        return len(pack.shots)

    async def require_unchanged(self, kind: Kind, style_key: str | None, count: int) -> None:
        """A pack has as many shots as a draft's price was for. Raises: Maintenance, StyleUnavailable."""
        if kind is Kind.PACK and count != await self.count(style_key, None):
            raise StyleUnavailable(style=style_key)

    async def told(self, kind: Kind, style_key: str | None, words: str) -> str:
        """What a vendor is told: of a pack, by the shot that asks the most. Raises: StyleUnavailable."""
        if kind is not Kind.PACK:
            return words
        pack = await self._catalog.get_pack(style_key or "")
        return pack.longest_shot + appended(words)

    async def _photos(self, actor: Actor, avatar_id: UUID | None, model: Model, *, were_kept: bool) -> tuple[UUID, ...]:
        if avatar_id is None:
            raise ValidationFailed({"avatar": "is needed for a pack"})
        try:
            avatar = await self._avatars.get(actor, avatar_id)
        except NotFound as error:
            if were_kept:
                raise UploadInvalid(problem="gone") from error
            raise
        return tuple(photo.id for photo in avatar.photos[: model.max_inputs])


def _is_draft(request: SubmitGeneration) -> bool:
    return request.draft_id is not None


def _check_fields(
    kind: Kind, style_key: str | None, avatar_id: UUID | None, inputs: tuple[UUID, ...], *, is_draft: bool
) -> None:
    fields = {}
    if kind is Kind.PACK:
        if style_key is None:
            fields["style"] = "is needed for a pack"
        if avatar_id is None:
            fields["avatar"] = "is needed for a pack"
        if inputs and not is_draft:
            fields["inputs"] = "are the avatar's photos"
    elif avatar_id is not None:
        fields["avatar"] = "is for packs"
    if fields:
        raise ValidationFailed(fields)


async def write_shots(tx: Tx, generation_id: UUID, style_key: str, words: str, *, count: int) -> None:
    """Store what each shot of an accepted order asks for: the pack's words, then the user's.

    Raises: StyleUnavailable when the pack has not as many shots as are paid for.
    """
    params = {"id": generation_id, "style_key": style_key, "words": appended(words)}
    if (await tx.execute(_WRITE_SHOTS, params)).rowcount != count:
        raise StyleUnavailable(style=style_key)


async def has_shots(reader: Reader, style_key: str, count: int) -> bool:
    """Whether a pack has as many shots as are paid for."""
    return int(await reader.scalar(_COUNT_SHOTS, {"style_key": style_key})) == count


async def list_lost(reader: Reader, generation_id: UUID) -> Mapping[int, FailureReason]:
    """The shots of ended chunks that were not made, and why."""
    rows = await reader.all(_LOST, {"id": generation_id})
    return {row.output_index: FailureReason(row.lost_reason) for row in rows}


async def note_lost(tx: Tx, generation_id: UUID, lost: Mapping[int, FailureReason]) -> None:
    """These shots are skipped for good; the caller's transaction falls with its fence."""
    for reason in set(lost.values()):
        indices = [index for index, why in lost.items() if why is reason]
        await tx.execute(_NOTE_LOST, {"id": generation_id, "indices": indices, "reason": reason.value})


async def forget_shots(tx: Tx, generation_ids: list[UUID]) -> None:
    """Drop the words of orders whose content goes."""
    await tx.execute(_FORGET_SHOTS, {"ids": generation_ids})


def appended(words: str) -> str:
    """What a user says besides, as it stands behind each shot."""
    return f"\n{words.strip()}" if words.strip() else ""
