"""What a generation is made from: finds it when it is ordered, fetches it when a vendor is asked."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import Row, text

from app.core.db import Database
from app.domain.actors import Actor
from app.domain.errors import NotFound, ProviderUnavailable, UploadInvalid
from app.domain.generations.claims import Lease
from app.domain.ports import ObjectMissing, Storage, StorageUnavailable, VendorInput
from app.domain.uploads import repository as uploads
from app.domain.uploads.service import UploadService
from app.domain.uploads.views import UploadView

# Vendors queue a task before they fetch what it is made from.
_LINK_SECONDS: Final = 6 * 3600
_OUTPUTS = text(
    """
    SELECT o.id, o.storage_key, o.mime, o.width, o.height
    FROM generation_outputs o JOIN generations g ON g.id = o.generation_id
    WHERE o.id = ANY(:ids) AND g.user_id = :user_id AND g.deleted_at IS NULL AND g.status = 'COMPLETED'
    """
)


class InputResolver:
    """Turns what a user names into uploads: their own, or copies of their own results."""

    def __init__(self, db: Database, storage: Storage, service: UploadService) -> None:
        self._db = db
        self._storage = storage
        self._uploads = service

    async def resolve(self, actor: Actor, ids: Sequence[UUID], *, were_kept: bool = False) -> tuple[UploadView, ...]:
        """The uploads, in order. `were_kept`: they were looked up before, so that a missing one has been erased.

        Raises: NotFound, also for somebody else's; UploadInvalid (`gone`) for what is not kept any more, or is no
            picture (`format`); UserNotFound, ProviderUnavailable.
        """
        if not ids:
            return ()
        kept = self._uploads.terms.kept
        async with self._db.read() as reader:
            known = await uploads.find(reader, actor.user_id, ids, kept=kept)
            unknown = [input_id for input_id in ids if input_id not in known]
            outputs = []
            copies: dict[UUID, UploadView] = {}
            if unknown:
                outputs = list(await reader.all(_OUTPUTS, {"ids": unknown, "user_id": actor.user_id}))
                copies = await uploads.find_copies(reader, actor.user_id, unknown, kept=kept)
        found = {input_id: view for input_id, view in known.items() if view is not None} | copies
        if any(view is None for view in known.values()):
            raise UploadInvalid(problem="gone")
        for output in outputs:
            if output.id not in found:
                found[output.id] = await self._copy(actor, output)
        if any(input_id not in found for input_id in ids):
            raise UploadInvalid(problem="gone") if were_kept else NotFound
        return tuple(found[input_id] for input_id in ids)

    async def _copy(self, actor: Actor, output: Row[Any]) -> UploadView:
        if not output.mime.startswith("image/"):
            raise UploadInvalid(problem="format")
        try:
            data = await self._storage.get(output.storage_key)
        except ObjectMissing as error:
            raise NotFound from error
        except StorageUnavailable as error:
            raise ProviderUnavailable(log={"storage": str(error)}) from error
        return await self._uploads.keep_copy(
            actor.user_id, data, mime=output.mime, size=(output.width, output.height), source_id=output.id
        )


class InputsMissing(Exception):
    """What a generation is made from is not there, although an open generation keeps it: our bug."""


@dataclass(slots=True)
class _Fetched:
    """What one run has fetched; its outputs, which ask side by side, wait for whoever is first."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    inputs: tuple[VendorInput, ...] | None = None


class InputFetcher:
    """Brings what vendors are given. Never called inside a transaction."""

    def __init__(self, db: Database, storage: Storage) -> None:
        self._db = db
        self._storage = storage
        # Gone with the lease: some outputs of four photos are a lot of memory to fetch, and to hold, for each of them.
        self._runs: WeakKeyDictionary[Lease, _Fetched] = WeakKeyDictionary()

    async def list_pixels(self, lease: Lease) -> tuple[int, ...]:
        """How large each input is. Raises: InputsMissing."""
        return tuple(view.pixels for view in await self._find(lease))

    async def fetch(self, lease: Lease) -> tuple[VendorInput, ...]:
        """The bytes of each input, and a link to them: fetched once a run, whatever the number of its outputs.

        Raises: InputsMissing, StorageUnavailable.
        """
        run = self._runs.setdefault(lease, _Fetched())
        async with run.lock:
            if run.inputs is None:
                run.inputs = await self._read(lease)
            return run.inputs

    async def _read(self, lease: Lease) -> tuple[VendorInput, ...]:
        fetched = []
        for view in await self._find(lease):
            try:
                data = await self._storage.get(view.storage_key)
            except ObjectMissing as error:
                raise InputsMissing(view.id) from error
            link = await self._storage.link(view.storage_key, expires_seconds=_LINK_SECONDS)
            fetched.append(VendorInput(data, view.mime, link))
        return tuple(fetched)

    async def _find(self, lease: Lease) -> list[UploadView]:
        if not lease.inputs:
            return []
        async with self._db.read() as reader:
            views = await uploads.find_used(reader, lease.user_id, lease.inputs)
        if len(views) != len(lease.inputs):
            raise InputsMissing(lease.id)
        return views
