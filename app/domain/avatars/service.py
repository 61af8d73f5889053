"""Use cases on avatars: make one of photos that were sent, look, delete."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.core.db import Database, Reader, Tx, violated_constraint
from app.core.ids import new_id
from app.domain.actors import Actor
from app.domain.avatars import repository
from app.domain.avatars.views import AvatarView
from app.domain.errors import NotFound, UploadInvalid, ValidationFailed
from app.domain.limits import request_keys
from app.domain.limits.request_keys import RequestKey
from app.domain.uploads import repository as uploads
from app.domain.uploads.service import erasure
from app.domain.uploads.views import UploadTerms
from app.domain.users import repository as users
from app.domain.users.rules import require_active
from app.domain.users.views import UserView

MOST_PHOTOS: Final = 10
"""In one avatar (spec, row 8)."""
MOST_AVATARS: Final = 10
"""Living ones of a user: a family, and not a photo store."""
LONGEST_NAME: Final = 40
_KEY_INDEX: Final = "request_keys_pkey"


class AvatarService:
    """People whom photo packs are made of."""

    def __init__(self, db: Database, terms: UploadTerms) -> None:
        self._db = db
        self._terms = terms

    async def create(
        self, actor: Actor, name: str, photos: Sequence[UUID], *, request_key: RequestKey | None = None
    ) -> AvatarView:
        """Make an avatar of the actor's uploads, which are kept from now on for as long as it lives.

        The same client's key and body is the same avatar.
        Raises: UserNotFound, UserBanned, UserSuspended, ValidationFailed (`name`, `inputs`, or `avatars` when there
            are too many), IdempotencyKeyReused, NotFound (an upload that is not the actor's, or the avatar of this
            key was deleted), UploadInvalid (`gone`).
        """
        name = _checked(name, photos)
        try:
            async with self._db.transaction() as tx:
                user = await _lock_allowed(tx, actor)
                if request_key is not None and (earlier := await _find_repeat(tx, user.id, request_key)) is not None:
                    return earlier
                if await repository.count(tx, user.id) >= MOST_AVATARS:
                    raise ValidationFailed({"avatars": f"are {MOST_AVATARS} at most: delete one first"})
                avatar_id = new_id()
                await self._keep(tx, user.id, photos)
                await repository.insert(tx, user.id, avatar_id, name, photos)
                if request_key is not None:
                    await request_keys.remember(tx, user.id, request_key, str(avatar_id))
                return await _get(tx, user.id, avatar_id)
        except IntegrityError as error:
            # The key was used elsewhere at the same moment, where the user's lock is not taken.
            if violated_constraint(error) != _KEY_INDEX or request_key is None:
                raise
            async with self._db.read() as reader:
                first = await _find_repeat(reader, actor.user_id, request_key)
            if first is None:
                raise
            return first

    async def create_next(self, actor: Actor, photos: Sequence[UUID], *, request_key: RequestKey) -> AvatarView:
        """`create` for who was not asked for a name: the avatar is called after its owner, with a number.

        Raises: as `create`.
        """
        async with self._db.read() as reader:
            user = await users.find(reader, actor.user_id)
            number = await repository.count(reader, actor.user_id) + 1
        own = user.first_name.replace("\0", "").strip()[: LONGEST_NAME - 4] if user else ""
        name = f"{own} {number}".strip() if number > 1 or not own else own
        return await self.create(actor, name, photos, request_key=request_key)

    async def extend(self, actor: Actor, avatar_id: UUID, photos: Sequence[UUID]) -> AvatarView:
        """Add the photos that it has not got yet, as far as there is room.

        Raises: UserNotFound, UserBanned, UserSuspended, NotFound, UploadInvalid.
        """
        async with self._db.transaction() as tx:
            user = await _lock_allowed(tx, actor)
            avatar = await _get(tx, user.id, avatar_id)
            known = [photo.id for photo in avatar.photos]
            added = [photo for photo in photos if photo not in known][: MOST_PHOTOS - len(known)]
            if not added:
                return avatar
            await self._keep(tx, user.id, added)
            await repository.set_photos(tx, avatar_id, known + added)
            return await _get(tx, user.id, avatar_id)

    async def list_(self, actor: Actor) -> tuple[AvatarView, ...]:
        """The actor's avatars, newest first."""
        async with self._db.read() as reader:
            return tuple(await repository.list_(reader, actor.user_id))

    async def get(self, actor: Actor, avatar_id: UUID) -> AvatarView:
        """One of the actor's avatars. Raises: NotFound, also for somebody else's."""
        async with self._db.read() as reader:
            return await _get(reader, actor.user_id, avatar_id)

    async def delete(self, actor: Actor, avatar_id: UUID) -> None:
        """Delete an avatar, and with it its photos, unless another avatar or an open generation has them too.

        Raises: UserNotFound, UserBanned, UserSuspended, NotFound.
        """
        async with self._db.transaction() as tx:
            user = await _lock_allowed(tx, actor)
            photos = await repository.delete(tx, user.id, avatar_id)
            if photos is None:
                raise NotFound
            await uploads.release_from_avatar(tx, user.id, photos)
            tx.after_commit(*(erasure(photo) for photo in photos))

    async def _keep(self, tx: Tx, user_id: int, photos: Sequence[UUID]) -> None:
        known = await uploads.find(tx, user_id, photos, kept=self._terms.kept)
        if any(photo not in known for photo in photos):
            raise NotFound
        if not await uploads.keep_for_avatar(tx, user_id, photos, kept=self._terms.kept):
            raise UploadInvalid(problem="gone")


def _checked(name: str, photos: Sequence[UUID]) -> str:
    """The name without spaces around it. Raises: ValidationFailed."""
    name = name.strip()
    fields = {}
    if not 1 <= len(name) <= LONGEST_NAME or "\0" in name:
        fields["name"] = f"must have from 1 to {LONGEST_NAME} characters"
    if not 1 <= len(photos) <= MOST_PHOTOS:
        fields["inputs"] = f"must be from 1 to {MOST_PHOTOS}"
    elif len(set(photos)) != len(photos):
        fields["inputs"] = "must not name one twice"
    if fields:
        raise ValidationFailed(fields)
    return name


async def _lock_allowed(tx: Tx, actor: Actor) -> UserView:
    return require_active(await users.lock(tx, actor.user_id))


async def _get(reader: Reader, user_id: int, avatar_id: UUID) -> AvatarView:
    view = await repository.find(reader, user_id, avatar_id)
    if view is None:
        raise NotFound
    return view


async def _find_repeat(reader: Reader, user_id: int, request_key: RequestKey) -> AvatarView | None:
    """What this key made before. Raises: IdempotencyKeyReused, NotFound when that is deleted."""
    earlier = await request_keys.find_object(reader, user_id, request_key)
    return None if earlier is None else replace(await _get(reader, user_id, UUID(earlier)), is_repeat=True)
