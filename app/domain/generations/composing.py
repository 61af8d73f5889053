"""The delivery of a card: it is put together once the files that its draft is made from have been fetched."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.core.crashpoints import CrashPoints
from app.core.db import Database, Tx
from app.core.errors import AppError
from app.domain.actors import Actor
from app.domain.avatars import repository as avatars
from app.domain.avatars.service import MOST_PHOTOS, AvatarService
from app.domain.catalog.service import CatalogService
from app.domain.catalog.views import Style
from app.domain.delivery import outbox
from app.domain.delivery.outbox import ClaimedDelivery
from app.domain.delivery.service import NotYet
from app.domain.errors import (
    DuplicateRequest,
    InsufficientCredits,
    NotFound,
    ProviderUnavailable,
    UploadInvalid,
    UploadTooLarge,
    UserNotFound,
)
from app.domain.generations.cards import CardService, notes_of, question_of, style_question
from app.domain.generations.draft_rows import gather_no_more, get_draft, lock_draft, update_content, wait_again
from app.domain.generations.drafts import DraftService
from app.domain.generations.intake import ASKED_FIRST, NOTES_FROM, part_key
from app.domain.generations.models import Awaits, Kind, Origin
from app.domain.generations.styling import Stylist, missing_of
from app.domain.generations.views import ChatFile, DraftStatus, DraftView
from app.domain.limits.request_keys import RequestKey
from app.domain.ports import ChatFiles, FileGone, FileTooLarge, Outgoing, Sent, StorageUnavailable
from app.domain.sentences import describe
from app.domain.uploads.service import UploadService
from app.domain.users import repository as users
from app.domain.users.views import UserView

# Each of their files is held in memory whole: so many cards at a time in this process, of one user one. The others are
# looked at again, and hold up no result meanwhile.
_COLLECTED_AT_ONCE: Final = 4
_LOOK_AGAIN: Final = timedelta(seconds=1)


class CardContent:
    """The delivery of a card: fetches what the draft is made from, then shows it, or in quick mode starts it.

    Everything here may happen twice: a file that was stored is not stored again, a draft starts once.
    """

    def __init__(
        self,
        db: Database,
        cards: CardService,
        drafts: DraftService,
        catalog: CatalogService,
        stylist: Stylist,
        uploads: UploadService,
        people: AvatarService,
        files: ChatFiles,
        *,
        crashpoints: CrashPoints,
    ) -> None:
        self._db = db
        self._cards = cards
        self._drafts = drafts
        self._catalog = catalog
        self._stylist = stylist
        self._uploads = uploads
        self._people = people
        self._files = files
        self._crashpoints = crashpoints
        self._collecting: set[int] = set()

    async def compose(self, claimed: ClaimedDelivery) -> Outgoing | NotYet | None:
        """The card; None when its draft was started or deleted. Raises: SendFailed, SendLater, StorageUnavailable."""
        user, draft = await self._find(claimed)
        if user is None or draft is None:
            return None
        if draft.status is not DraftStatus.OPEN:
            return await self._overtaken(claimed)
        try:
            if any(file.is_pending for file in draft.files):
                if user.id in self._collecting or len(self._collecting) >= _COLLECTED_AT_ONCE:
                    return NotYet(_LOOK_AGAIN)
                draft = await self._collect(draft)
            template, params = await self._say(user, draft, claimed)
        except _PersonGone:
            template, params = _notice("pack-person-gone", {})
        except (NotFound, UserNotFound, DuplicateRequest, _HasGrown):
            # Started, or deleted with everything of the user's; or the card of what came last starts it.
            return await self._overtaken(claimed)
        except AppError as error:
            template, params = _notice(*describe(error))
        return Outgoing(claimed.chat_id, claimed.language, template, params) if template else None

    async def record(self, tx: Tx, claimed: ClaimedDelivery, sent: Sent) -> None:
        """Nothing follows."""

    async def _find(self, claimed: ClaimedDelivery) -> tuple[UserView | None, DraftView | None]:
        if claimed.user_id is None or "draft_id" not in claimed.params:
            return None, None
        async with self._db.read() as reader:
            user = await users.find(reader, claimed.user_id)
            if user is None or user.deleted:
                return None, None
            try:
                return user, await get_draft(reader, user.id, UUID(claimed.params["draft_id"]))
            except NotFound:
                return user, None

    async def _overtaken(self, claimed: ClaimedDelivery) -> Outgoing | None:
        """What is said when the draft was started by hand before all of its photos were there; None otherwise.

        Silence would let the user believe that they were used. A start freezes the files as they stand.
        """
        user, draft = await self._find(claimed)
        if user is None or draft is None or draft.status is not DraftStatus.STARTED or not await self._is_short(draft):
            return None
        async with self._db.read() as reader:
            keys = [part_key(draft, at) for at in range(len(draft.files))]
            if await outbox.is_followed(reader, claimed.id, keys):
                # Once is enough: the card of the last ones says it.
                return None
        return Outgoing(claimed.chat_id, claimed.language, *_notice("photo-late", {}))

    async def _is_short(self, draft: DraftView) -> bool:
        """Whether a photo was not fetched, or not given to the pack's person, before the start."""
        if any(file.is_pending for file in draft.files):
            return True
        if draft.kind is not Kind.PACK or draft.avatar_id is None:
            return False
        try:
            avatar = await self._people.get(Actor.user(draft.user_id), draft.avatar_id)
        except NotFound:
            return False
        return not {photo.id for photo in avatar.photos}.issuperset(_photos_of(draft))

    async def _collect(self, draft: DraftView) -> DraftView:
        """Make uploads of the draft's files, one after the other; each is written down before the next is begun."""
        self._collecting.add(draft.user_id)
        try:
            return await self._collect_all(draft)
        finally:
            self._collecting.discard(draft.user_id)

    async def _collect_all(self, draft: DraftView) -> DraftView:
        model = await self._catalog.find_model(draft.model_key)
        is_pack = draft.kind is Kind.PACK
        most = MOST_PHOTOS if is_pack else await self._stylist.most_inputs(model, draft.style_key)
        while (pending := next((file for file in draft.files if file.is_pending), None)) is not None:
            # A pack takes some of its avatar's photos, which may be more.
            taken = len(_photos_of(draft)) if is_pack else len(draft.inputs)
            if taken >= most:
                problem = {"limit": most, "sent": len(draft.files)}
                done = replace(pending, problem="photo-too-many", problem_args=problem)
            else:
                done = await self._fetch(draft, pending)
                self._crashpoints.reach("photo.stored")
            draft = await self._note(draft, done)
            self._crashpoints.reach("photo.noted")
        return draft

    async def _fetch(self, draft: DraftView, file: ChatFile) -> ChatFile:
        limit = self._uploads.terms.max_bytes
        actor = Actor.user(draft.user_id)
        try:
            if file.size_bytes is not None and file.size_bytes > limit:
                raise FileTooLarge
            data = await self._files.fetch(file.file_id, max_bytes=limit)
            self._crashpoints.reach("photo.fetched")
            # The draft and the message are the key: fetched twice, it is stored once.
            key = f"chat:{draft.id.hex}:{file.message_id}"
            upload = await self._uploads.store(actor, data, filename=file.filename, key=key)
        except FileTooLarge:
            return _refused(file, UploadTooLarge(limit_megabytes=limit // 1_000_000))
        except FileGone:
            return replace(file, problem="photo-gone")
        except UserNotFound:
            raise
        except ProviderUnavailable as error:
            # Ours to mend: the user has done nothing wrong, and is answered a little later.
            raise StorageUnavailable(str(error.log)) from error
        except AppError as error:
            return _refused(file, error)
        return replace(file, upload_id=upload.id)

    async def _note(self, draft: DraftView, done: ChatFile) -> DraftView:
        """Write down what became of a file; further parts of its album may have come meanwhile. Raises: NotFound."""
        async with self._db.transaction() as tx:
            await users.lock(tx, draft.user_id)
            now = await lock_draft(tx, draft.user_id, draft.id)
            if now is None:
                raise NotFound
            files = tuple(done if file.message_id == done.message_id else file for file in now.files)
            inputs = now.inputs
            # The photos of a pack's person are more than a model may take: which it takes, `_with_avatar` says.
            is_of_person = now.kind is Kind.PACK and now.avatar_id is not None
            if done.upload_id is not None and done.upload_id not in inputs and not is_of_person:
                inputs = (*inputs, done.upload_id)
            changed = await update_content(tx, replace(now, files=files, inputs=inputs))
        if changed is None:
            raise NotFound
        return changed

    async def _say(
        self, user: UserView, draft: DraftView, claimed: ClaimedDelivery
    ) -> tuple[str, Mapping[str, object]]:
        problems = notes_of(draft.files[int(claimed.params.get(NOTES_FROM, 0)) :])
        if problems and not any(file.upload_id for file in draft.files):
            await self._ask_for_another(user, draft)
            return "notice", problems[0]
        style = await self._stylist.find(draft)
        missing = missing_of(draft.kind, draft.prompt, style, inputs=len(draft.inputs))
        if missing is not None and style is not None:
            return await self._ask_for_style(user, draft, style, missing)
        if missing is Awaits.PHOTO:
            return _notice("ask-photo", {})
        if missing is not None:
            return "photo", question_of(draft)
        if draft.kind is Kind.PACK:
            # It costs many times what everything else does: nobody starts one by sending a photo.
            card = await self._cards.card(user, await self._with_avatar(draft))
            return "card", {**card, "notes": problems}
        if not user.quick_mode or problems or claimed.params.get(ASKED_FIRST):
            return "card", await self._cards.card(user, draft)
        return await self._start(user, draft)

    async def _start(self, user: UserView, draft: DraftView) -> tuple[str, Mapping[str, object]]:
        """Start it at once, as quick mode does; what is to be said when that is refused. Raises: _HasGrown."""

        async def require_whole(tx: Tx, _generation_id: UUID) -> None:
            # Under the user's lock, which every part takes as well.
            if (await get_draft(tx, user.id, draft.id)).files != draft.files:
                raise _HasGrown

        actor = Actor.user(user.id)
        try:
            await self._drafts.start_written(actor, draft, origin=Origin.BOT, on_accepted=require_whole)
        except InsufficientCredits as error:
            return "short", await self._cards.short(user, draft, error)
        except (NotFound, DuplicateRequest):
            raise
        except AppError as error:
            # The photo must not be sent again for a limit that ends by itself: the card is there to be tapped later.
            key, args = describe(error)
            card = await self._cards.card(user, draft)
            return "card", {**card, "notes": [{"key": key, "args": args}]}
        return "", {}

    async def _ask_for_style(
        self, user: UserView, draft: DraftView, style: Style, missing: Awaits
    ) -> tuple[str, Mapping[str, object]]:
        """What the style still needs."""
        if notes := notes_of(draft.files):
            # What was to be the rest cannot be used.
            await self._ask_for_another(user, draft)
        elif draft.awaits is None:
            # The next message has answered already, and its card comes after this.
            return "", {}
        return "style-needs", {**style_question(style, missing), "notes": notes}

    async def _with_avatar(self, draft: DraftView) -> DraftView:
        """Make the avatar of a pack's photos, or add those that came late. Raises: AppError, _PersonGone."""
        actor, photos = Actor.user(draft.user_id), _photos_of(draft)
        avatar_id = draft.avatar_id
        try:
            if avatar_id is None:
                # The draft is the key: composed twice, it is one avatar.
                key = RequestKey(f"chat:{draft.id.hex}:avatar", "avatars", draft.id.bytes)
                avatar_id = (await self._people.create_next(actor, photos, request_key=key)).id
            avatar = await self._people.extend(actor, avatar_id, photos)
        except NotFound as error:
            async with self._db.transaction() as tx:
                await users.lock(tx, draft.user_id)
                await gather_no_more(tx, draft.user_id, draft_id=draft.id)
                is_deleted = avatar_id is not None and await avatars.find(tx, draft.user_id, avatar_id) is None
            if is_deleted:
                raise _PersonGone from error
            raise UploadInvalid(problem="gone") from error
        model = await self._catalog.find_model(draft.model_key)
        inputs = tuple(photo.id for photo in avatar.photos[: model.max_inputs if model else 1])
        async with self._db.transaction() as tx:
            await users.lock(tx, draft.user_id)
            now = await lock_draft(tx, draft.user_id, draft.id)
            changed = await update_content(tx, replace(now, avatar_id=avatar.id, inputs=inputs)) if now else None
        if changed is None:
            raise NotFound
        return changed

    async def _ask_for_another(self, user: UserView, draft: DraftView) -> None:
        """Nothing that was sent can be used: the draft waits for a better photo, and keeps its words.

        What can be made of words alone takes them instead.
        """
        style = await self._stylist.find(draft)
        needs_photo = missing_of(draft.kind, "", style, inputs=0) is Awaits.PHOTO
        async with self._db.transaction() as tx:
            await users.lock(tx, user.id)
            now = await lock_draft(tx, user.id, draft.id)
            if now is not None:
                await wait_again(tx, user.id, draft.id, Awaits.PHOTO if needs_photo else Awaits.EITHER)


class _PersonGone(Exception):
    """Whom a pack shows was deleted when another photo of them came."""


class _HasGrown(Exception):
    """A part of the album came when its card had been put together without it; a card of its own follows."""


def _photos_of(draft: DraftView) -> tuple[UUID, ...]:
    """What has become an upload of the messages' files."""
    return tuple(file.upload_id for file in draft.files if file.upload_id is not None)


def _refused(file: ChatFile, error: AppError) -> ChatFile:
    key, args = describe(error)
    return replace(file, problem=key, problem_args=args)


def _notice(key: str, args: Mapping[str, object]) -> tuple[str, Mapping[str, object]]:
    return "notice", {"key": key, "args": dict(args)}
