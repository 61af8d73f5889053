"""Use cases on uploads: take a picture, keep a copy of a result, erase what nobody uses any more."""

import hashlib
import secrets
from collections import Counter
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.exc import IntegrityError

from app.core.db import Database, violated_constraint
from app.core.ids import new_id
from app.core.jobs import Job, Queue
from app.core.media import EXTENSIONS, MediaInvalid, MediaProblem
from app.core.media_inputs import InputPreparer, PreparedInput
from app.core.media_processes import MediaUnavailable
from app.domain.actors import Actor
from app.domain.errors import (
    ProviderUnavailable,
    RateLimitExceeded,
    UploadInvalid,
    UploadTooLarge,
    UserNotFound,
)
from app.domain.limits import request_keys
from app.domain.limits.request_keys import RequestKey
from app.domain.ports import Storage, StorageUnavailable
from app.domain.uploads import repository
from app.domain.uploads.views import UploadTerms, UploadView
from app.domain.users import repository as users
from app.domain.users.rules import require_active, require_present

log = structlog.get_logger(__name__)

_KEY_INDEX: Final = "request_keys_pkey"
ERASE_JOB: Final = "erase-upload"
# More than anybody looks through, and not enough to use us as a disk.
_MOST_UNUSED: Final = 200
_FULL_RETRY_SECONDS: Final = 3600
_MEGABYTE: Final = 1_000_000
# On their way at the same time in this process: as many as one order takes, and what memory has room for.
_MOST_OF_A_USER: Final = 4
_MOST_AT_ONCE: Final = 32
_CROWD_RETRY_SECONDS: Final = 5


class UploadService:
    """Pictures to work from."""

    def __init__(self, db: Database, storage: Storage, preparer: InputPreparer, terms: UploadTerms) -> None:
        self._db = db
        self._storage = storage
        self._preparer = preparer
        self.terms = terms
        self._under_way: Counter[int] = Counter()

    @contextmanager
    def admit(self, actor: Actor) -> Iterator[None]:
        """Hold a place for an upload on its way; to be entered before anything of it is read.

        Raises: RateLimitExceeded when the user, or everybody together, has too many on their way.
        """
        user_id = actor.user_id
        for limit, under_way in (
            (_MOST_OF_A_USER, self._under_way[user_id]),
            (_MOST_AT_ONCE, self._under_way.total()),
        ):
            if under_way >= limit:
                raise RateLimitExceeded(limit=limit, retry_after=_CROWD_RETRY_SECONDS)
        self._under_way[user_id] += 1
        try:
            yield
        finally:
            self._under_way[user_id] -= 1
            if not self._under_way[user_id]:
                del self._under_way[user_id]

    async def store(
        self,
        actor: Actor,
        data: bytes | AsyncIterable[bytes],
        *,
        filename: str | None = None,
        key: str | None = None,
    ) -> UploadView:
        """Take a picture: by its content and not by its name, without metadata, upright.

        A stream is read no further than the limit. It is kept where nobody can guess. The same client's `key` with
        the same bytes is the same upload.
        Raises: UserNotFound, UserBanned, UserSuspended, UploadTooLarge, UploadInvalid, IdempotencyKeyReused,
            RateLimitExceeded when too many wait to be used, ProviderUnavailable.
        """
        await self._check_sender(actor)
        whole = await self._read(data)
        request_key = RequestKey(key, "uploads", hashlib.sha256(whole).digest()) if key else None
        if request_key is not None and (earlier := await self._find_repeat(actor, request_key)) is not None:
            return earlier
        try:
            picture = await self._preparer.prepare(whole)
        except MediaInvalid as error:
            log.info("upload_refused", problem=error.problem, detail=error.detail, filename=(filename or "")[:100])
            raise self._refusal(error) from error
        except MediaUnavailable as error:
            raise ProviderUnavailable(log={"media": str(error)}) from error
        size = (picture.width, picture.height)
        try:
            return await self._keep(actor.user_id, picture.data, mime=picture.mime, size=size, request_key=request_key)
        except IntegrityError as error:
            # Somebody was quicker with the same key: theirs is the upload, and ours expires unused.
            if violated_constraint(error) != _KEY_INDEX or request_key is None:
                raise
            first = await self._find_repeat(actor, request_key)
            if first is None:
                raise
            return first

    async def keep_copy(
        self, user_id: int, data: bytes, *, mime: str, size: tuple[int, int], source_id: UUID
    ) -> UploadView:
        """Keep a copy of one of the user's results, as vendors take it, so that deleting that one does not matter.

        Raises: UserNotFound, UploadInvalid, ProviderUnavailable.
        """
        try:
            picture = await self._preparer.fit(PreparedInput(data, mime, *size))
        except MediaInvalid as error:
            raise self._refusal(error) from error
        fitted = (picture.width, picture.height)
        return await self._keep(user_id, picture.data, mime=mime, size=fitted, source_id=source_id)

    async def erase(self, upload_id: UUID) -> None:
        """Delete an upload whose time is over, and that nothing open uses. Raises: StorageUnavailable."""
        async with self._db.transaction() as tx:
            key = await repository.take_away(tx, upload_id, kept=self.terms.kept)
        if key is None:
            return
        await self._storage.delete([key])
        async with self._db.transaction() as tx:
            await repository.delete(tx, upload_id)

    async def ring_due(self, *, limit: int) -> list[Job]:
        """Uploads to be erased."""
        async with self._db.transaction() as tx:
            due = await repository.ring_due(tx, kept=self.terms.kept, limit=limit)
        return [erasure(upload_id, ring_number) for upload_id, ring_number in due]

    async def _check_sender(self, actor: Actor) -> None:
        async with self._db.read() as reader:
            user = require_active(await users.find(reader, actor.user_id))
            if await repository.count_unused(reader, user.id) >= _MOST_UNUSED:
                raise RateLimitExceeded(limit=_MOST_UNUSED, retry_after=_FULL_RETRY_SECONDS)

    async def _find_repeat(self, actor: Actor, request_key: RequestKey) -> UploadView | None:
        """What this key made before. Raises: IdempotencyKeyReused, UploadInvalid when that is not kept any more."""
        async with self._db.read() as reader:
            earlier = await request_keys.find_object(reader, actor.user_id, request_key)
            if earlier is None:
                return None
            found = await repository.find(reader, actor.user_id, [UUID(earlier)], kept=self.terms.kept)
        view = found.get(UUID(earlier))
        if view is None:
            raise UploadInvalid(problem="gone")
        return replace(view, is_repeat=True)

    async def _read(self, data: bytes | AsyncIterable[bytes]) -> bytes:
        """The whole of it, as far as it is not too long (trap 45)."""
        if isinstance(data, bytes):
            whole = data
        else:
            buffer = bytearray()
            async for part in data:
                buffer += part
                if len(buffer) > self.terms.max_bytes:
                    break
            whole = bytes(buffer)
        if len(whole) > self.terms.max_bytes:
            raise self._too_large()
        if not whole:
            raise UploadInvalid(problem="empty")
        return whole

    async def _keep(
        self,
        user_id: int,
        data: bytes,
        *,
        mime: str,
        size: tuple[int, int],
        source_id: UUID | None = None,
        request_key: RequestKey | None = None,
    ) -> UploadView:
        upload_id = new_id()
        key = f"uploads/{user_id}/{secrets.token_urlsafe(24)}.{EXTENSIONS[mime]}"
        async with self._db.transaction() as tx:
            require_present(await users.lock(tx, user_id))
            await repository.insert(
                tx,
                upload_id=upload_id,
                user_id=user_id,
                source_id=source_id,
                storage_key=key,
                mime=mime,
                size=size,
                size_bytes=len(data),
                terms=self.terms,
            )
        try:
            await self._storage.put(key, data, mime=mime)
        except StorageUnavailable as error:
            raise ProviderUnavailable(log={"storage": str(error)}) from error
        async with self._db.transaction() as tx:
            view = await repository.confirm(tx, upload_id, kept=self.terms.kept)
            if view is not None and request_key is not None:
                await request_keys.remember(tx, user_id, request_key, str(upload_id))
        if view is None:
            await self._storage.delete([key])
            raise UserNotFound
        return view

    def _refusal(self, error: MediaInvalid) -> UploadInvalid | UploadTooLarge:
        return self._too_large() if error.problem is MediaProblem.TOO_LARGE else UploadInvalid(problem=error.problem)

    def _too_large(self) -> UploadTooLarge:
        return UploadTooLarge(limit_megabytes=self.terms.max_bytes // _MEGABYTE)


def erasure(upload_id: UUID, ring_number: int = 0) -> Job:
    """The job that erases an upload."""
    return Job(Queue.REST, ERASE_JOB, str(upload_id), ring_number)
