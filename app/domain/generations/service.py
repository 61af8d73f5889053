"""Use cases on generations that surfaces call: submit, look, cancel, delete, have the original sent."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.exc import IntegrityError

from app.core.crashpoints import CrashPoints
from app.core.db import Database, Tx, violated_constraint
from app.core.jobs import Job, Queue, Signal
from app.core.metrics import Metrics
from app.core.paging import Page, decode_cursor, encode_cursor
from app.domain.actors import Actor
from app.domain.catalog.service import CatalogService
from app.domain.catalog.views import Model
from app.domain.delivery import outbox
from app.domain.errors import (
    ConcurrentUpdate,
    DuplicateRequest,
    GenerationNotCancellable,
    GenerationNotFound,
    IdempotencyKeyReused,
    InsufficientCredits,
    MaxActiveGenerations,
    PriceChanged,
    RateLimitExceeded,
    UserNotFound,
    ValidationFailed,
)
from app.domain.generations import repository
from app.domain.generations.accept import Acceptance, Accepted, Terms, hold_and_queue
from app.domain.generations.cancel import cancel
from app.domain.generations.collecting import DELETE_JOB
from app.domain.generations.inputs import InputResolver
from app.domain.generations.judging import PromptJudge
from app.domain.generations.medians import MedianCache
from app.domain.generations.models import Funding, Status
from app.domain.generations.options import check_allowed, check_funding, check_shape, work_of
from app.domain.generations.originals import owe_original
from app.domain.generations.packs import PackPlanner
from app.domain.generations.requests import SubmitGeneration
from app.domain.generations.styling import Styled, Stylist, style_key_of
from app.domain.generations.views import GenerationView, Stage
from app.domain.uploads import repository as uploads
from app.domain.uploads.service import erasure
from app.domain.users import repository as users
from app.domain.users.rules import require_active, require_present
from app.domain.users.views import UserView

log = structlog.get_logger(__name__)

OnAccepted = Callable[[Tx, UUID], Awaitable[None]]

_KEY_INDEXES: Final = frozenset({"generations_api_key", "generations_own_key"})
_FAR_FUTURE: Final = datetime(9999, 1, 1, tzinfo=UTC)
_LAST_ID: Final = UUID(int=2**128 - 1)
# A hold that lost a race which is over by the time it is looked at is simply tried again.
_SUBMIT_TRIES: Final = 3


class GenerationService:
    """Generations, for the surfaces."""

    def __init__(
        self,
        db: Database,
        catalog: CatalogService,
        judge: PromptJudge,
        medians: MedianCache,
        inputs: InputResolver,
        packs: PackPlanner,
        stylist: Stylist,
        *,
        terms: Terms,
        stoppable_providers: frozenset[str],
        metrics: Metrics,
        crashpoints: CrashPoints,
    ) -> None:
        self._db = db
        self._catalog = catalog
        self._judge = judge
        self._medians = medians
        self._inputs = inputs
        self._packs = packs
        self._terms = terms
        self._stylist = stylist
        self._stoppable = sorted(stoppable_providers)
        self._metrics = metrics
        self._crashpoints = crashpoints

    async def submit(
        self, actor: Actor, request: SubmitGeneration, *, on_accepted: OnAccepted | None = None
    ) -> GenerationView:
        """Accept a generation: check it, price it, hold the credits, queue it.

        Either all of it is committed or nothing is; a crash after the commit is healed by the sweep. `on_accepted`
        joins the transaction with the new id, and may still refuse.
        Raises: UserNotFound, UserBanned, UserSuspended, ValidationFailed, DuplicateRequest, IdempotencyKeyReused,
            GenerationNotFound (a parent that is not the actor's), Maintenance, StyleUnavailable, ModelUnavailable,
            NotFound (an input or an avatar that is not the actor's), UploadInvalid, PromptRejected, PriceChanged,
            MaxActiveGenerations, RateLimitExceeded, InsufficientCredits, ConcurrentUpdate, in this order of precedence
            (spec §5).
        """
        request = replace(request, style_key=style_key_of(request.style_key, request.funding))
        user = await self._check_sender(actor, request)
        styled = await self._stylist.apply(
            request.style_key,
            request.prompt,
            kind=request.kind,
            funding=request.funding,
            inputs=len(request.inputs),
        )
        model = await self._catalog.get_enabled(request.model_key)
        request = await self._packs.complete(actor, request, model)
        check_allowed(request.options, model, kind=request.kind, inputs=len(request.inputs))
        inputs = await self._inputs.resolve(actor, request.inputs, were_kept=request.draft_id is not None)
        pixels = [view.pixels for view in inputs]
        told = await self._packs.told(request.kind, request.style_key, styled.told(request.prompt))
        self._stylist.require_route(styled, model, work_of(told, request.negative_prompt, request.options, pixels))
        check_funding(request.funding, request.kind, request.options, inputs=len(request.inputs))
        await self._judge.check(request.kind, request.style_key, request.prompt, request.negative_prompt)
        price = request.locked_price_credits
        if request.funding is not Funding.CREDITS:
            price = 0
        elif price is None:
            price = model.price(request.options.count, request.options.duration_seconds)
        if request.max_price is not None and price > request.max_price:
            raise PriceChanged(price=price)
        acceptance = Acceptance(
            kind=request.kind,
            model_key=model.key,
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            options=request.options,
            origin=request.origin,
            funding=request.funding,
            price_credits=price,
            request_key=request.request_key,
            body_hash=request.body_hash,
            parent_id=request.parent_id,
            draft_id=request.draft_id,
            chat_id=user.telegram_id,
            inputs=tuple(view.id for view in inputs),
            style_key=request.style_key,
            rendered_prompt=styled.rendered_prompt,
            avatar_id=request.avatar_id,
        )
        accepted = await self._accept(actor, acceptance, model, on_accepted)
        self._crashpoints.reach("submit.committed")
        self._metrics.generation_changed(status=Status.PENDING.value, model=model.key)
        log.info("generation_status", generation_id=str(accepted.id), old=None, new="PENDING", reason="accepted")
        return await self._view_accepted(actor, acceptance, model, accepted, styled)

    async def get(self, actor: Actor, generation_id: UUID) -> GenerationView:
        """One of the actor's generations. Raises: GenerationNotFound, also for somebody else's."""
        medians = await self._medians.refresh()
        async with self._db.read() as reader:
            return await repository.get_own(reader, actor.user_id, generation_id, medians=medians)

    async def list_(
        self,
        actor: Actor,
        *,
        cursor: str | None = None,
        limit: int = 20,
        kind: str | None = None,
        status: str | None = None,
    ) -> Page[GenerationView]:
        """The actor's generations, newest first. Raises: ValidationFailed for a cursor that is none of ours."""
        medians = await self._medians.refresh()
        async with self._db.read() as reader:
            views = await repository.list_page(
                reader,
                actor.user_id,
                before=_position(cursor),
                limit=limit + 1,
                kind=kind,
                status=status,
                medians=medians,
            )
        items = tuple(views[:limit])
        more = len(views) > limit
        return Page(items, encode_cursor(items[-1].created_at.isoformat(), str(items[-1].id)) if more else None)

    async def list_active(self, actor: Actor) -> tuple[GenerationView, ...]:
        """The actor's open generations, newest first."""
        medians = await self._medians.refresh()
        async with self._db.read() as reader:
            return tuple(await repository.list_open(reader, actor.user_id, medians=medians))

    async def cancel(self, actor: Actor, generation_id: UUID) -> GenerationView:
        """Cancel: at once and in full while it waits; at a vendor only where it stops free of charge.

        Of a pack no further shot is started: what is stored is delivered and charged, the rest returned.
        Banned and suspended users may cancel too: it only gives credits back.
        Returns the generation, CANCELLED or with the stage "cancelling". Raises: UserNotFound, GenerationNotFound,
            GenerationNotCancellable.
        """
        async with self._db.transaction() as tx:
            require_present(await users.lock(tx, actor.user_id))
            await cancel(tx, actor.user_id, generation_id, stoppable=self._stoppable)
        return await self.get(actor, generation_id)

    async def delete(self, actor: Actor, generation_id: UUID) -> None:
        """Remove a finished generation's prompt, inputs and media; the ledger keeps its entries.

        Raises: GenerationNotFound, GenerationNotCancellable while it is open.
        """
        async with self._db.transaction() as tx:
            require_active(await users.lock(tx, actor.user_id))
            row = await repository.lock_own(tx, actor.user_id, generation_id)
            if not await repository.forget_content(tx, actor.user_id, generation_id):
                raise GenerationNotCancellable
            await uploads.forget(tx, actor.user_id, row.inputs)
            tx.after_commit(*(erasure(upload_id) for upload_id in row.inputs))
            await repository.forget_outputs(tx, [generation_id])
            await outbox.withdraw(tx, generation_id)
            tx.after_commit(Job(Queue.REST, DELETE_JOB, str(generation_id)), Signal(actor.user_id))

    async def send_original(self, actor: Actor, generation_id: UUID, *, output_index: int | None = None) -> None:
        """Owe the original as a file, one output's or all. A second tap while it is owed changes nothing.

        Raises: UserBanned, UserSuspended, GenerationNotFound.
        """
        view = await self.get(actor, generation_id)
        chosen = [output for output in view.outputs if output_index is None or output.index == output_index]
        if not chosen:
            raise GenerationNotFound
        async with self._db.transaction() as tx:
            user = require_active(await users.lock(tx, actor.user_id))
            if user.telegram_id is None:
                raise UserNotFound
            for output in chosen:
                await owe_original(tx, user.id, user.telegram_id, generation_id, output.index)

    async def _check_sender(self, actor: Actor, request: SubmitGeneration) -> UserView:
        """Ban, body, idempotency: what needs no catalogue. Returns the sender."""
        async with self._db.read() as reader:
            user = require_active(await users.find(reader, actor.user_id))
            self._stylist.check_words(
                request.prompt, request.negative_prompt, kind=request.kind, style_key=request.style_key
            )
            check_shape(request.options, request.kind)
            if request.request_key is not None:
                earlier = await repository.find_by_key(reader, user.id, request.request_key)
                if earlier is not None:
                    raise _duplicate(earlier, request.body_hash)
            # A draft's parent was looked at when the draft was written, and may be deleted since.
            if request.parent_id is not None and request.draft_id is None:
                await repository.require_own(reader, user.id, request.parent_id)
        return user

    async def _accept(
        self, actor: Actor, acceptance: Acceptance, model: Model, on_accepted: OnAccepted | None
    ) -> Accepted:
        for attempt in range(_SUBMIT_TRIES):
            try:
                async with self._db.transaction() as tx:
                    accepted = await hold_and_queue(tx, actor, acceptance, model, self._terms)
                    if on_accepted is not None:
                        await on_accepted(tx, accepted.id)
                return accepted
            except ConcurrentUpdate:
                if attempt == _SUBMIT_TRIES - 1:
                    raise
            except (MaxActiveGenerations, RateLimitExceeded, InsufficientCredits):
                # What stands in the way may be this very request, accepted since we looked: a double tap.
                await self._refuse_repeat(actor, acceptance)
                raise
            except IntegrityError as error:
                # The transaction is gone with everything in it; now the winner can be read (trap 33).
                raise await self._winner(actor, acceptance, error) from error
        raise AssertionError

    async def _view_accepted(
        self, actor: Actor, acceptance: Acceptance, model: Model, accepted: Accepted, styled: Styled
    ) -> GenerationView:
        """The generation as it was accepted, without reading it back."""
        medians = await self._medians.refresh()
        median = medians.get(model.key)
        return GenerationView(
            id=accepted.id,
            user_id=actor.user_id,
            kind=acceptance.kind,
            status=Status.PENDING,
            model_key=model.key,
            model_titles=model.titles,
            prompt=acceptance.prompt,
            negative_prompt=acceptance.negative_prompt,
            options=acceptance.options,
            origin=acceptance.origin,
            funding=acceptance.funding,
            price_credits=acceptance.price_credits,
            charged_credits=0,
            returned_credits=0,
            stage=Stage.QUEUED,
            percent=0,
            queue_position=accepted.queue_position,
            eta_seconds=None if median is None else max(1, round(median)),
            cancellable=True,
            outputs=(),
            error_code=None,
            parent_id=acceptance.parent_id,
            created_at=accepted.created_at,
            started_at=None,
            completed_at=None,
            inputs=acceptance.inputs,
            style_key=acceptance.style_key,
            avatar_id=acceptance.avatar_id,
            style_titles=styled.style.titles if styled.style else {},
        )

    async def _refuse_repeat(self, actor: Actor, acceptance: Acceptance) -> None:
        if acceptance.request_key is None:
            return
        async with self._db.read() as reader:
            earlier = await repository.find_by_key(reader, actor.user_id, acceptance.request_key)
        if earlier is not None:
            raise _duplicate(earlier, acceptance.body_hash)

    async def _winner(
        self, actor: Actor, acceptance: Acceptance, error: IntegrityError
    ) -> DuplicateRequest | IdempotencyKeyReused | ConcurrentUpdate | IntegrityError:
        if violated_constraint(error) not in _KEY_INDEXES or acceptance.request_key is None:
            return error
        async with self._db.read() as reader:
            earlier = await repository.find_by_key(reader, actor.user_id, acceptance.request_key)
        return ConcurrentUpdate() if earlier is None else _duplicate(earlier, acceptance.body_hash)


def _duplicate(earlier: repository.Earlier, body_hash: bytes | None) -> DuplicateRequest | IdempotencyKeyReused:
    if body_hash is not None and earlier.body_hash != body_hash:
        return IdempotencyKeyReused()
    return DuplicateRequest(generation_id=str(earlier.id))


def _position(cursor: str | None) -> tuple[datetime, UUID]:
    if cursor is None:
        return _FAR_FUTURE, _LAST_ID
    try:
        at, generation_id = decode_cursor(cursor, parts=2)
        # A forged offset can put a time beyond what any calendar holds.
        return datetime.fromisoformat(at).astimezone(UTC), UUID(generation_id)
    except (ValueError, OverflowError) as error:
        raise ValidationFailed({"cursor": "is not a cursor of this list"}) from error
