"""What users send into the chat to be worked from: written into a draft, whose card is owed in the same transaction.

A message completes the draft that waits for it; a photo that nothing waits for is a draft of its own. The parts of an
album are messages of their own and share one draft; so do the photos of a pack's person. Nothing is fetched here: that
is done when the card is put together (`composing`).
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.dialects.postgresql import JSONB

from app.core.crashpoints import CrashPoints
from app.core.db import Database, Reader, Tx
from app.domain.actors import Actor
from app.domain.avatars.service import MOST_PHOTOS
from app.domain.catalog.views import Style
from app.domain.delivery import outbox
from app.domain.delivery.models import DeliveryKind, DeliveryRank
from app.domain.delivery.outbox import NewDelivery
from app.domain.errors import ConcurrentUpdate, StyleUnavailable
from app.domain.generations.choosing import Chooser, price_of
from app.domain.generations.copying import copy_of
from app.domain.generations.draft_rows import (
    find_by_update,
    find_waiting,
    has_waited_long,
    insert_draft,
    leave_album,
    lock_album,
    lock_draft,
    lock_gathering,
    look_up,
    update_content,
    wait_no_more,
)
from app.domain.generations.models import Awaits, Kind
from app.domain.generations.requests import NewDraft
from app.domain.generations.styling import Stylist, missing_of
from app.domain.generations.views import ChatFile, DraftStatus, DraftView
from app.domain.users import repository as users
from app.domain.users.rules import require_active

# Telegram does not say how many parts an album has: it is whole when none has come for so long. Nor do people.
_ALBUM_SECONDS: Final = 1.5
# Of one pack. A person takes a third of them, and whoever sends more has been told so often enough.
_MOST_FILES: Final = 3 * MOST_PHOTOS
# Marks the delivery of a card that starts nothing by itself, and of those that further parts bring.
ASKED_FIRST: Final = "is_asked_first"
# From which file on that card says what was not taken.
NOTES_FROM: Final = "notes_from"
# Another message of the same user's came in between; a person does not do that more often.
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message of the user's. `words` are its text or caption; the update is its key.

    `is_reply`: the file is an earlier message's, which the words answer.
    """

    update_id: int
    chat_id: int
    words: str = ""
    file: ChatFile | None = None
    media_group_id: str | None = None
    is_reply: bool = False


@dataclass(frozen=True, slots=True)
class ShownOutput:
    """What a message of ours in the chat shows."""

    generation_id: UUID
    output_index: int
    is_picture: bool


# Bot API, sendMediaGroup. An album's messages have numbers that follow each other; its delivery knows the first one.
LARGEST_ALBUM: Final = 10
_SHOWN = text(
    """
    SELECT d.generation_id, d.message_id, d.params -> 'output_index' AS output_index,
        d.params -> 'output_indices' AS output_indices
    FROM deliveries d
    WHERE d.user_id = :user_id AND d.kind IN ('result', 'album', 'original') AND d.message_id <= :message_id
        AND d.message_id > :message_id - :largest AND d.state = 'SENT'
    ORDER BY d.message_id DESC LIMIT 1
    """
).columns(output_index=JSONB, output_indices=JSONB)
_OUTPUTS = text(
    """
    SELECT o.output_index, o.mime FROM generation_outputs o JOIN generations g ON g.id = o.generation_id
    WHERE g.id = :id AND g.user_id = :user_id AND g.deleted_at IS NULL ORDER BY o.output_index
    """
)


class IntakeService:
    """Turns messages into drafts."""

    def __init__(
        self, db: Database, chooser: Chooser, stylist: Stylist, *, life: timedelta, crashpoints: CrashPoints
    ) -> None:
        self._db = db
        self._crashpoints = crashpoints
        self._chooser = chooser
        self._stylist = stylist
        self._life = life

    async def take_text(self, actor: Actor, message: ChatMessage) -> bool:
        """Complete the draft that waits for words, and owe its card; False when none waits.

        Raises: UserNotFound, UserBanned, UserSuspended, ValidationFailed, Maintenance, StyleUnavailable,
            ModelUnavailable, ConcurrentUpdate; the draft then waits on, unless its style was withdrawn.
        """
        async with self._db.read() as reader:
            accepted = (Awaits.TEXT, Awaits.EITHER)
            earlier_id, waits = await look_up(reader, actor.user_id, accepted, update_id=message.update_id)
            if earlier_id is not None:
                return await outbox.is_known(reader, card_key(earlier_id))
            waiting = await find_waiting(reader, actor.user_id, accepted) if waits else None
            if waiting is None:
                return False
        self._stylist.check_words(message.words, None, kind=waiting.kind, style_key=waiting.style_key)
        return await self._write(actor, message, Awaits.TEXT)

    async def take_photo(self, actor: Actor, message: ChatMessage) -> None:
        """Give the photo to the draft that waits for one, or to its album's, or to a new one; owe the card.

        Raises: UserNotFound, UserBanned, UserSuspended, ValidationFailed, Maintenance, StyleUnavailable,
            ModelUnavailable, ConcurrentUpdate.
        """
        self._stylist.check_words(message.words, None, kind=Kind.EDIT, style_key=None, is_optional=True)
        await self._write(actor, message, Awaits.PHOTO)
        self._crashpoints.reach("photo.taken")

    async def room(self, actor: Actor) -> int:
        """How many characters the words of the next message may have: a style that waits for them takes its share."""
        async with self._db.read() as reader:
            waiting = await find_waiting(reader, actor.user_id, tuple(Awaits))
        return await self._stylist.room(None if waiting is None else waiting.style_key)

    async def find_shown(self, actor: Actor, message_id: int) -> ShownOutput | None:
        """Which result a message in the user's chat shows; None when it shows none, or one that was deleted."""
        async with self._db.read() as reader:
            params = {"user_id": actor.user_id, "message_id": message_id, "largest": LARGEST_ALBUM}
            shown = await reader.one_or_none(_SHOWN, params)
            if shown is None:
                return None
            outputs = await reader.all(_OUTPUTS, {"id": shown.generation_id, "user_id": actor.user_id})
        parts = [
            each
            for each in outputs
            if shown.output_index in {None, each.output_index}
            and (shown.output_indices is None or each.output_index in shown.output_indices)
        ]
        at = message_id - shown.message_id
        if at >= len(parts):
            return None
        return _shown(shown.generation_id, parts[at])

    async def find_only(self, actor: Actor, generation_id: UUID) -> ShownOutput | None:
        """The result that a picture with buttons of this generation shows: it has no other."""
        async with self._db.read() as reader:
            outputs = await reader.all(_OUTPUTS, {"id": generation_id, "user_id": actor.user_id})
        return _shown(generation_id, outputs[0]) if len(outputs) == 1 else None

    async def _write(self, actor: Actor, message: ChatMessage, brings: Awaits) -> bool:
        for _ in range(_TRIES):
            written = await self._try(actor, message, brings)
            if written is not None:
                return written
        raise ConcurrentUpdate

    async def _try(self, actor: Actor, message: ChatMessage, brings: Awaits) -> bool | None:
        """Whether it was written, or None when what waited has changed meanwhile. The catalogue is read before."""
        async with self._db.read() as reader:
            user = require_active(await users.find(reader, actor.user_id))
            waiting = await _waiting(reader, actor, message, brings)
        if waiting is None and message.file is None:
            return False
        # Also an album's, which is itself what waits as long as its style asks for more photos.
        style = await self._style(waiting, message.words)
        new = _draft_of(message, waiting, style)
        model, options = await self._chooser.choose(user, new)
        new = replace(new, model_key=model.key)
        async with self._db.transaction() as tx:
            user = require_active(await users.lock(tx, actor.user_id))
            if await find_by_update(tx, user.id, message.update_id) is not None:
                # Telegram repeats an update until it hears that it was handled.
                return True
            album = await lock_album(tx, user.id, message.media_group_id) if message.media_group_id else None
            if album is not None and await _join(tx, album, message, style):
                return True
            if await _join_gathering(tx, user.id, message):
                return True
            if _id(await _waiting(tx, actor, message, brings)) != _id(waiting):
                return None
            if waiting is not None and waiting.kind is Kind.PACK:
                # A person is shown by several photos, which may come one by one: the question stays open.
                pack = await lock_draft(tx, user.id, waiting.id)
                return True if pack is not None and await _join(tx, pack, message, style) else None
            if album is not None:
                # Its album has been started without it, or is no more: a photo of its own is better than none.
                new = replace(new, media_group_id=None)
            await wait_no_more(tx, user.id)
            # What is answered before it was asked is asked no more.
            is_early = waiting is not None and await outbox.skip(tx, card_key(waiting.id))
            if waiting is not None and waiting.media_group_id is not None and new.media_group_id is None:
                # Nor asked again by a part of the album that the words have overtaken.
                await leave_album(tx, waiting.id)
                new = replace(new, media_group_id=waiting.media_group_id)
            draft = await insert_draft(
                tx, user.id, new, options, price_of(new.funding, model, options), life=self._life
            )
            is_held = message.media_group_id is not None or (is_early and draft.media_group_id is not None)
            is_late = waiting is not None and await has_waited_long(tx, user.id, waiting.id)
            await _owe_card(tx, draft, message, is_held=is_held, is_late=is_late)
            return True

    async def _style(self, draft: DraftView | None, words: str) -> Style | None:
        """The style that the message is for, which must have room for its words."""
        if draft is None:
            return None
        try:
            styled = await self._stylist.apply(
                draft.style_key, words, kind=draft.kind, funding=draft.funding, inputs=None
            )
        except StyleUnavailable:
            # It has been withdrawn: what is sent after this is about something else.
            async with self._db.transaction() as tx:
                await users.lock(tx, draft.user_id)
                await wait_no_more(tx, draft.user_id)
            raise
        return styled.style


def _shown(generation_id: UUID, output: Row[Any]) -> ShownOutput:
    return ShownOutput(generation_id, output.output_index, output.mime.startswith("image/"))


def card_key(draft_id: UUID) -> str:
    """The key of the delivery of a draft's card."""
    return f"card:{draft_id}"


def _draft_of(message: ChatMessage, waiting: DraftView | None, style: Style | None) -> NewDraft:
    """What waited, completed by the message; or else an edit of the photo."""
    if waiting is None:
        new = NewDraft(prompt="", kind=Kind.EDIT)
    else:
        new = replace(
            copy_of(waiting),
            model_key=waiting.model_key,
            aspect_ratio=waiting.options.aspect_ratio,
            count=waiting.options.count,
            seed=waiting.options.seed,
            duration_seconds=waiting.options.duration_seconds,
            files=tuple(file for file in waiting.files if file.problem is None),
        )
    if message.file is not None:
        if new.kind is Kind.IMAGE and new.style_key is None:
            # With a photo, what was to be drawn from words is an edit, of a model and in a shape of its own.
            new = replace(new, kind=Kind.EDIT, model_key=None, aspect_ratio=None, count=None)
        new = replace(new, files=(*new.files, message.file), media_group_id=message.media_group_id)
    prompt = message.words or new.prompt
    missing = missing_of(new.kind, prompt, style, inputs=_photos(new))
    return replace(new, prompt=prompt, update_id=message.update_id, awaits=missing)


def _photos(draft: NewDraft | DraftView) -> int:
    """What it is made from, as far as it is there or on its way."""
    return len(draft.inputs) + sum(file.is_pending for file in draft.files)


async def _join(tx: Tx, album: DraftView, message: ChatMessage, style: Style | None) -> bool:
    """Add a part to its album; False when that cannot be changed any more."""
    if message.file is None:
        return False
    if any(file.message_id == message.file.message_id for file in album.files):
        # Telegram repeats parts too, also when their album has been started with them (trap 29).
        return True
    if album.status is not DraftStatus.OPEN:
        return False
    file = message.file
    if album.kind is Kind.PACK:
        file = replace(file, media_group_id=message.media_group_id)
    joined = replace(album, files=(*album.files, file), prompt=message.words or album.prompt)
    if album.awaits is not None:
        joined = replace(joined, awaits=_still_missing(joined, style))
    draft = await update_content(tx, joined)
    if draft is None:
        return False
    owed = [part_key(album, at) for at in range(len(album.files))]
    if not await outbox.hold_back(tx, owed, hold_seconds=_ALBUM_SECONDS):
        # Its card has been shown already, or is on its way: this part brings another one.
        is_held = message.media_group_id is not None or draft.kind is Kind.PACK
        is_late = await outbox.has_param(tx, owed, ASKED_FIRST)
        await _owe_card(tx, draft, message, part=len(album.files), is_held=is_held, is_late=is_late)
    return True


async def _join_gathering(tx: Tx, user_id: int, message: ChatMessage) -> bool:
    """Add a photo to the pack that has it already, or another part of its album; False when none has."""
    if message.file is None or message.is_reply:
        return False
    pack = await lock_gathering(tx, user_id, message.file.message_id, message.media_group_id)
    return pack is not None and await _join(tx, pack, message, None)


def _still_missing(draft: DraftView, style: Style | None) -> Awaits | None:
    """What a draft that has got a part waits for."""
    if draft.kind is Kind.PACK:
        return Awaits.PHOTO if len(draft.files) < _MOST_FILES else None
    return missing_of(draft.kind, draft.prompt, style, inputs=_photos(draft))


def part_key(draft: DraftView, at: int) -> str:
    """The key of the card that a part of a draft brings, if an earlier one's does not wait for it."""
    return card_key(draft.id) + (f":{draft.files[at].message_id}" if at else "")


async def _owe_card(
    tx: Tx, draft: DraftView, message: ChatMessage, *, is_held: bool, is_late: bool = False, part: int = 0
) -> None:
    params: dict[str, object] = {"draft_id": str(draft.id)}
    if is_late:
        # Also in quick mode: it may be meant for something else.
        params[ASKED_FIRST] = True
    if draft.kind is Kind.PACK:
        # What was not taken of the parts before has been said.
        params[NOTES_FROM] = part
    await outbox.owe(
        tx,
        NewDelivery(
            key=part_key(draft, part),
            kind=DeliveryKind.CARD,
            rank=DeliveryRank.REPLY,
            user_id=draft.user_id,
            chat_id=message.chat_id,
            params=params,
            hold_seconds=_ALBUM_SECONDS if is_held else 0.0,
        ),
    )


async def _waiting(reader: Reader, actor: Actor, message: ChatMessage, brings: Awaits) -> DraftView | None:
    """What the message answers."""
    waiting = await find_waiting(reader, actor.user_id, (brings, Awaits.EITHER))
    if waiting is not None and waiting.kind is Kind.PACK and waiting.files and message.is_reply:
        # The pack has its person; words that answer a photo are about that photo.
        return None
    return waiting


def _id(draft: DraftView | None) -> UUID | None:
    return None if draft is None else draft.id
