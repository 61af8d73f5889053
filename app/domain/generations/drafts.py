"""Drafts: what a card in the chat or a form in the cabinet holds, with its price locked until it is started.

A draft starts once, ever: its id is the request key of the generation, so that a double tap is one order.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.core.db import Database, Tx, violated_constraint
from app.domain.actors import Actor
from app.domain.catalog.service import CatalogService
from app.domain.catalog.views import Model
from app.domain.errors import DuplicateRequest, NotFound, PriceChanged
from app.domain.generations.choosing import Chooser, nearest_ratio, preferences_of, price_of, remember
from app.domain.generations.copying import conversion_of, copy_of, repetition_of, work_on
from app.domain.generations.draft_rows import (
    find_by_update,
    gather_no_more,
    get_draft,
    insert_draft,
    purge_drafts,
    update_draft,
    wait_no_more,
)
from app.domain.generations.inputs import InputResolver
from app.domain.generations.models import Funding, Kind, Origin
from app.domain.generations.options import check_allowed, check_funding, check_shape, work_of
from app.domain.generations.packs import PackPlanner
from app.domain.generations.repository import get_own, require_own
from app.domain.generations.requests import NewDraft, SubmitGeneration
from app.domain.generations.service import GenerationService, OnAccepted
from app.domain.generations.styling import Stylist, missing_of, style_key_of
from app.domain.generations.views import DraftStatus, DraftView, GenerationView, Options
from app.domain.limits import request_keys
from app.domain.limits.request_keys import RequestKey
from app.domain.users import repository as users
from app.domain.users.rules import require_active

_UPDATE_INDEX: Final = "drafts_update_id_key"
_KEY_INDEX: Final = "request_keys_pkey"


class DraftService:
    """Drafts of generations."""

    def __init__(
        self,
        db: Database,
        catalog: CatalogService,
        generations: GenerationService,
        inputs: InputResolver,
        packs: PackPlanner,
        stylist: Stylist,
        *,
        life: timedelta,
    ) -> None:
        self._db = db
        self._catalog = catalog
        self._generations = generations
        self._inputs = inputs
        self._packs = packs
        self._stylist = stylist
        self._life = life
        self._chooser = Chooser(catalog)

    async def create(
        self,
        actor: Actor,
        new: NewDraft,
        *,
        request_key: RequestKey | None = None,
        max_price_credits: int | None = None,
        were_kept: bool = False,
    ) -> DraftView:
        """Write a draft at today's price. The same update, or the same client's key and body, is the same draft.

        `were_kept`: its inputs were found before, so that one that is missing has been erased.

        Raises: UserNotFound, UserBanned, UserSuspended, ValidationFailed, IdempotencyKeyReused, Maintenance,
            StyleUnavailable, ModelUnavailable, GenerationNotFound for a parent that is not the actor's, PriceChanged
            when it costs more than `max_price_credits`, and then nothing is written.
        """
        new = replace(new, style_key=style_key_of(new.style_key, new.funding))
        async with self._db.read() as reader:
            user = require_active(await users.find(reader, actor.user_id))
            self._stylist.check_words(
                new.prompt,
                new.negative_prompt,
                kind=new.kind,
                style_key=new.style_key,
                is_optional=new.awaits is not None,
            )
            check_shape(
                Options(
                    aspect_ratio=new.aspect_ratio or "",
                    count=1 if new.count is None else new.count,
                    seed=new.seed,
                    duration_seconds=new.duration_seconds,
                ),
                new.kind,
            )
            if request_key is not None:
                earlier = await request_keys.find_object(reader, user.id, request_key)
                if earlier is not None:
                    return replace(await get_draft(reader, user.id, UUID(earlier)), is_repeat=True)
            if new.parent_id is not None:
                await require_own(reader, user.id, new.parent_id)
        new = await self._packs.complete_draft(actor, await self._stylist.complete(new))
        model, options = await self._chooser.choose(user, new)
        price = price_of(new.funding, model, options)
        if max_price_credits is not None and price > max_price_credits:
            raise PriceChanged(price=price)
        inputs = await self._inputs.resolve(
            actor, new.inputs, were_kept=were_kept or new.origin_generation_id is not None
        )
        if new.kind is Kind.VIDEO and new.aspect_ratio is None and inputs:
            # What is brought to life is not cut or stretched more than it must be.
            ratio = nearest_ratio(model.aspect_ratios, inputs[0].width, inputs[0].height)
            options = replace(options, aspect_ratio=ratio)
        new = replace(new, inputs=tuple(view.id for view in inputs))
        # A plain one is a single statement; whatever comes with another needs them all or none.
        is_plain = new.origin_generation_id is None and new.awaits is None and request_key is None
        try:
            async with self._db.single() if is_plain else self._db.transaction() as tx:
                if new.origin_generation_id is not None:
                    await _hold_origin(tx, user.id, new.origin_generation_id)
                draft = await self._insert(tx, user.id, new, model, options)
                if request_key is not None:
                    await request_keys.remember(tx, user.id, request_key, str(draft.id))
        except IntegrityError as error:
            # Somebody was quicker with the same update or key: theirs is the draft.
            return await self._first(user.id, new, request_key, error)
        return draft

    async def adjust(
        self,
        actor: Actor,
        draft_id: UUID,
        *,
        model_key: str | None = None,
        aspect_ratio: str | None = None,
        count: int | None = None,
        duration_seconds: int | None = None,
        funding: Funding | None = None,
    ) -> DraftView:
        """Change what is given; the price is today's. A started or expired draft is copied into a new one.

        Raises: UserNotFound, UserBanned, UserSuspended, NotFound, ValidationFailed, Maintenance, ModelUnavailable.
        """
        draft = await self.get(actor, draft_id)
        model = await self._catalog.get_enabled(model_key or draft.model_key)
        ratio = aspect_ratio or draft.options.aspect_ratio
        if aspect_ratio is None and ratio not in model.aspect_ratios:
            ratio = model.default_ratio
        paid_by = funding or draft.funding
        if draft.kind is Kind.PACK:
            count = await self._packs.count(draft.style_key, count)
        most = model.max_count if paid_by is Funding.CREDITS else 1
        chosen = min(draft.options.count, most) if count is None else count
        duration = duration_seconds or draft.options.duration_seconds
        if duration_seconds is None and duration not in model.durations:
            duration = model.default_duration
        options = replace(draft.options, aspect_ratio=ratio, count=chosen, duration_seconds=duration)
        check_shape(options, draft.kind)
        check_allowed(options, model, kind=draft.kind, inputs=len(draft.inputs))
        check_funding(paid_by, draft.kind, options, inputs=len(draft.inputs))
        if paid_by is Funding.COPY:
            # Only what is told to the vendor as a copy is one.
            await self._stylist.apply(
                draft.style_key, draft.prompt, kind=draft.kind, funding=paid_by, inputs=len(draft.inputs)
            )
        price = price_of(paid_by, model, options)
        async with self._db.transaction() as tx:
            user = require_active(await users.lock(tx, actor.user_id))
            preferences = {**preferences_of(user, draft.kind), "model": model.key, "aspect_ratio": ratio}
            if paid_by is Funding.CREDITS:
                # Free ones are single, which is nobody's choice.
                preferences["count"] = chosen
            # What a style has brought with it is nobody's choice.
            if draft.style_key is None:
                await remember(tx, user, draft.kind, preferences)
            if draft.status is DraftStatus.OPEN:
                changed = await update_draft(
                    tx,
                    replace(draft, model_key=model.key, options=options, funding=paid_by, price_credits=price),
                    life=self._life,
                )
                if changed is not None:
                    return changed
            # Deleting its generation takes the user's lock too, and may have taken the draft meanwhile.
            draft = await get_draft(tx, user.id, draft_id)
            return await self._insert(tx, user.id, replace(copy_of(draft), funding=paid_by), model, options)

    async def renew(self, actor: Actor, draft_id: UUID) -> DraftView:
        """A new open draft with the same content at today's price and size, for the button of one that was used.

        Raises: UserBanned, UserSuspended, NotFound, Maintenance, StyleUnavailable (of a pack), ModelUnavailable.
        """
        draft = await self.get(actor, draft_id)
        model = await self._catalog.get_enabled(draft.model_key)
        options = draft.options
        if draft.kind is Kind.PACK:
            options = replace(options, count=await self._packs.count(draft.style_key, None))
        async with self._db.transaction() as tx:
            user = require_active(await users.lock(tx, actor.user_id))
            # Deleting its generation takes the same lock, and may have taken the draft meanwhile.
            draft = await get_draft(tx, user.id, draft_id)
            return await self._insert(tx, user.id, copy_of(draft), model, options)

    async def repeat(
        self, actor: Actor, generation_id: UUID, *, variation: bool, update_id: int | None = None
    ) -> DraftView:
        """A new draft from a generation: the same parameters, or for a variation another seed and the parent kept.

        Raises: UserNotFound, UserBanned, UserSuspended, GenerationNotFound, UploadInvalid, ValidationFailed,
            Maintenance, StyleUnavailable, ModelUnavailable.
        """
        async with self._db.read() as reader:
            view = await get_own(reader, actor.user_id, generation_id, medians={})
        return await self.create(actor, replace(repetition_of(view, variation=variation), update_id=update_id))

    async def derive(
        self,
        actor: Actor,
        generation_id: UUID,
        *,
        kind: Kind,
        output_index: int = 0,
        prompt: str | None = None,
        update_id: int | None = None,
    ) -> DraftView:
        """A draft that works on a result: edit it, enlarge it, bring it to life. Without a prompt, with its own.

        With an empty prompt it waits for the words where it needs some.

        Raises: UserNotFound, UserBanned, UserSuspended, GenerationNotFound, NotFound (it has no such output),
            UploadInvalid, ValidationFailed, Maintenance, ModelUnavailable.
        """
        async with self._db.read() as reader:
            view = await get_own(reader, actor.user_id, generation_id, medians={})
        output = next((output for output in view.outputs if output.index == output_index), None)
        if output is None:
            raise NotFound
        return await self.create(actor, replace(work_on(view, output, kind, prompt), update_id=update_id))

    async def convert(self, actor: Actor, draft_id: UUID, *, kind: Kind, update_id: int | None = None) -> DraftView:
        """The same as something else: a picture as a video, a photo enlarged; it waits for words where it needs some.

        Raises: UserBanned, UserSuspended, NotFound, UploadInvalid, ValidationFailed, Maintenance, ModelUnavailable.
        """
        new = conversion_of(await self.get(actor, draft_id), kind)
        return await self.create(actor, replace(new, update_id=update_id), were_kept=True)

    async def put_in_style(
        self, actor: Actor, draft_id: UUID | None, style_key: str, *, update_id: int | None = None
    ) -> DraftView:
        """A draft in a style, of another one's words and photos or of none; it waits for what the style needs beside.

        Raises: UserBanned, UserSuspended, NotFound, UploadInvalid, ValidationFailed, Maintenance, StyleUnavailable.
        """
        style = await self._catalog.get_style(style_key)
        new = NewDraft("") if draft_id is None else copy_of(await self.get(actor, draft_id))
        kind = Kind(style.kind)
        new = replace(
            new,
            kind=kind,
            style_key=style.key,
            negative_prompt=None,
            funding=Funding.CREDITS,
            update_id=update_id,
            awaits=missing_of(kind, new.prompt, style, inputs=len(new.inputs)),
        )
        return await self.create(actor, new, were_kept=True)

    async def start(
        self, actor: Actor, draft_id: UUID, *, origin: Origin, on_accepted: OnAccepted | None = None
    ) -> GenerationView:
        """Start a draft at its locked price, once. `on_accepted` joins the transaction, and may still refuse.

        Raises: NotFound when it is gone or expired; DuplicateRequest with `generation_id` when it was started;
            and whatever `GenerationService.submit` raises.
        """
        return await self.start_written(actor, await self.get(actor, draft_id), origin=origin, on_accepted=on_accepted)

    async def start_written(
        self, actor: Actor, draft: DraftView, *, origin: Origin, on_accepted: OnAccepted | None = None
    ) -> GenerationView:
        """As `start`, of a draft that has just been written or read: started meanwhile, its key refuses it."""
        if draft.status is DraftStatus.STARTED:
            raise DuplicateRequest(generation_id=str(draft.generation_id))
        if draft.status is DraftStatus.EXPIRED:
            raise NotFound
        return await self._generations.submit(
            actor,
            SubmitGeneration(
                kind=draft.kind,
                model_key=draft.model_key,
                prompt=draft.prompt,
                negative_prompt=draft.negative_prompt,
                options=draft.options,
                origin=origin,
                funding=draft.funding,
                parent_id=draft.parent_id,
                draft_id=draft.id,
                inputs=draft.inputs,
                style_key=draft.style_key,
                avatar_id=draft.avatar_id,
                locked_price_credits=draft.price_credits,
                request_key=start_key(draft.id),
            ),
            on_accepted=on_accepted,
        )

    async def get(self, actor: Actor, draft_id: UUID) -> DraftView:
        """One of the actor's drafts. Raises: NotFound, also for somebody else's."""
        async with self._db.read() as reader:
            return await get_draft(reader, actor.user_id, draft_id)

    async def wait_no_more(self, actor: Actor) -> bool:
        """Let the user's next message be about something new; False when nothing waited."""
        async with self._db.transaction() as tx:
            await users.lock(tx, actor.user_id)
            return await wait_no_more(tx, actor.user_id) > 0

    async def forget_person(self, actor: Actor, avatar_id: UUID) -> None:
        """Let photos that come now be about something else than this person; any other question stays open."""
        async with self._db.transaction() as tx:
            await users.lock(tx, actor.user_id)
            await gather_no_more(tx, actor.user_id, avatar_id=avatar_id)

    async def require_makeable(self, actor: Actor, draft: DraftView) -> Model:
        """The model that makes it now; it waits for nothing more, and what it is made from is still kept.

        Raises: ValidationFailed, Maintenance, StyleUnavailable, UploadInvalid, ModelUnavailable.
        """
        self._stylist.check_words(draft.prompt, draft.negative_prompt, kind=draft.kind, style_key=draft.style_key)
        styled = await self._stylist.apply(
            draft.style_key, draft.prompt, kind=draft.kind, funding=draft.funding, inputs=len(draft.inputs)
        )
        model = await self._catalog.get_enabled(draft.model_key)
        check_allowed(draft.options, model, kind=draft.kind, inputs=len(draft.inputs))
        inputs = await self._inputs.resolve(actor, draft.inputs, were_kept=True)
        pixels = [view.pixels for view in inputs]
        await self._packs.require_unchanged(draft.kind, draft.style_key, draft.options.count)
        told = await self._packs.told(draft.kind, draft.style_key, styled.told(draft.prompt))
        self._stylist.require_route(styled, model, work_of(told, draft.negative_prompt, draft.options, pixels))
        return model

    async def purge(self, *, limit: int = 500) -> int:
        """Delete drafts that expired more than 7 days ago, a batch at a time; returns how many."""
        async with self._db.transaction() as tx:
            return await purge_drafts(tx, limit=limit)

    async def _insert(self, tx: Tx, user_id: int, new: NewDraft, model: Model, options: Options) -> DraftView:
        price = price_of(new.funding, model, options)
        if new.awaits is not None:
            # One question is open at a time: what was asked before waits no more.
            await users.lock(tx, user_id)
            await wait_no_more(tx, user_id)
        return await insert_draft(tx, user_id, replace(new, model_key=model.key), options, price, life=self._life)

    async def _first(
        self, user_id: int, new: NewDraft, request_key: RequestKey | None, error: IntegrityError
    ) -> DraftView:
        constraint = violated_constraint(error)
        async with self._db.read() as reader:
            if constraint == _UPDATE_INDEX:
                first = await find_by_update(reader, user_id, new.update_id)
                if first is not None:
                    return first
            if constraint == _KEY_INDEX and request_key is not None:
                earlier = await request_keys.find_object(reader, user_id, request_key)
                if earlier is not None:
                    return replace(await get_draft(reader, user_id, UUID(earlier)), is_repeat=True)
        raise error


def start_key(draft_id: UUID) -> str:
    """The request key of a draft's generation, the same for ever: it starts once."""
    return f"draft:{draft_id}"


async def _hold_origin(tx: Tx, user_id: int, generation_id: UUID) -> None:
    """Keep a generation from being deleted until its copy is written. Raises: GenerationNotFound."""
    await users.lock(tx, user_id)
    await require_own(tx, user_id, generation_id)
