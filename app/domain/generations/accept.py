"""Accepts a generation inside a transaction: hold, exact limits, row, event, rings (protocol, step 1)."""

import math
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.core.db import Reader, Tx
from app.core.ids import new_id
from app.core.jobs import Job, Queue, Signal
from app.domain.actors import Actor
from app.domain.catalog.views import Model
from app.domain.credits import ledger
from app.domain.credits.models import EntryKind
from app.domain.delivery import outbox
from app.domain.delivery.models import DeliveryKind, DeliveryRank
from app.domain.delivery.outbox import NewDelivery
from app.domain.errors import (
    ConcurrentUpdate,
    InsufficientCredits,
    MaxActiveGenerations,
    RateLimitExceeded,
    UploadInvalid,
)
from app.domain.generations.free import require_left
from app.domain.generations.models import Funding, Kind, Origin
from app.domain.generations.options import LARGEST_SEED
from app.domain.generations.packs import write_shots
from app.domain.generations.views import Options
from app.domain.limits.quotas import FreeQuotas
from app.domain.limits.tiers import Limits, TierLimits
from app.domain.uploads import repository as uploads
from app.domain.uploads.views import UploadTerms
from app.domain.users import repository as users
from app.domain.users.rules import require_allowed, require_present
from app.domain.users.views import UserView

JOB_NAME: Final = "generate"
# More than anybody has ever accepted: the largest number that the statement takes.
_NO_LIMIT: Final = 2**31 - 1
# Where much is going on, a progress message may wait for so long: a result that comes sooner makes it superfluous.
_PROGRESS_MAY_WAIT_SECONDS: Final = 0.7


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Everything that a generation is accepted with; `price_credits` is final.

    `rendered_prompt` is what the vendor is told instead of the prompt, where there is a style.
    """

    kind: Kind
    model_key: str
    prompt: str
    negative_prompt: str | None
    options: Options
    origin: Origin
    funding: Funding
    price_credits: int
    request_key: str | None
    body_hash: bytes | None
    parent_id: UUID | None
    draft_id: UUID | None
    chat_id: int | None
    inputs: tuple[UUID, ...] = ()
    style_key: str | None = None
    rendered_prompt: str | None = None
    avatar_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms generations are accepted: limits by tier, what is free, the longest wait for a start, the first
    second ring.
    """

    limits: Limits
    quotas: FreeQuotas
    uploads: UploadTerms
    start_wait: timedelta
    first_ring: timedelta


# What is open may be older than every window: a task parked at a vendor that is away stays so for a day.
_MODEL_ACTIVE: Final = """(
    SELECT count(*) FROM generations
    WHERE user_id = :user_id AND model_key = :model_key AND status IN ('PENDING', 'PROCESSING'))"""
_COUNTS = text(
    f"""
    SELECT count(*) FILTER (WHERE created_at > clock_now() - interval '1 minute') AS minute, count(*) AS hour,
        count(*) FILTER (WHERE model_key = :model_key) AS model_hour, {_MODEL_ACTIVE} AS model_active
    FROM generations WHERE user_id = :user_id AND created_at > clock_now() - interval '1 hour'
    """  # noqa: S608 - fixed text
)
# The moment the oldest one that is in the way leaves its window.
_WAIT = text(
    """
    SELECT extract(epoch FROM created_at + CAST(:window AS interval) - clock_now()) FROM generations
    WHERE user_id = :user_id AND (CAST(:model_key AS text) IS NULL OR model_key = :model_key)
        AND created_at > clock_now() - CAST(:window AS interval)
    ORDER BY created_at DESC OFFSET :limit - 1 LIMIT 1
    """
)
# The windows are counted in the statement that writes the row: it begins under the user's lock, so that its snapshot
# holds everything that was accepted before, and one round trip does both.
_INSERT = text(
    f"""
    WITH counts AS (
        SELECT count(*) FILTER (WHERE created_at > clock_now() - interval '1 minute') AS minute, count(*) AS hour,
            count(*) FILTER (WHERE model_key = :model_key) AS model_hour
        FROM generations WHERE user_id = :user_id AND created_at > clock_now() - interval '1 hour'
    ),
    accepted AS (
        INSERT INTO generations (id, user_id, kind, model_key, prompt, negative_prompt, options, output_count, seed,
            origin, funding, price_credits, request_key, body_hash, parent_id, draft_id, money_back, start_by,
            next_ring_at, inputs, style_key, rendered_prompt, avatar_id)
        SELECT :id, :user_id, :kind, :model_key, :prompt, :negative_prompt, :options, :output_count, :seed,
            :origin, :funding, :price_credits, :request_key, CAST(:body_hash AS bytea), CAST(:parent_id AS uuid),
            CAST(:draft_id AS uuid), :money_back, now() + CAST(:start_wait AS interval),
            now() + CAST(:first_ring AS interval), CAST(:inputs AS uuid[]), CAST(:style_key AS text),
            CAST(:rendered_prompt AS text), CAST(:avatar_id AS uuid)
        FROM counts
        WHERE minute < :per_minute AND hour < :per_hour
            AND coalesce(model_hour < CAST(:model_per_hour AS integer), true)
            AND (CAST(:model_active AS integer) IS NULL OR {_MODEL_ACTIVE} < CAST(:model_active AS integer))
        RETURNING id, created_at
    ),
    event AS (
        INSERT INTO generation_events (generation_id, new_status, reason) SELECT id, 'PENDING', 'accepted' FROM accepted
    )
    SELECT created_at, 1 + (SELECT count(*) FROM (SELECT 1 FROM generations WHERE status = 'PENDING' LIMIT 1000) ahead)
        AS queue_position
    FROM accepted
    """  # noqa: S608 - fixed text
).bindparams(bindparam("options", type_=JSONB))
_START_DRAFT = text("UPDATE drafts SET generation_id = :id WHERE id = :draft_id AND generation_id IS NULL")


@dataclass(frozen=True, slots=True)
class Accepted:
    """A generation that was accepted, when its transaction is committed."""

    id: UUID
    created_at: datetime
    queue_position: int


async def hold_and_queue(tx: Tx, actor: Actor, acceptance: Acceptance, model: Model, terms: Terms) -> Accepted:
    """Hold the price, count the windows under the user's lock, write the row, ring after the commit.

    Raises: UserNotFound, UserBanned, UserSuspended, MaxActiveGenerations, RateLimitExceeded, InsufficientCredits,
        UploadInvalid when an input is not kept any more, StyleUnavailable, ConcurrentUpdate; IntegrityError of
        `generations_api_key` or `generations_own_key` when the request key is taken. Whatever is raised rolls the hold
        back with everything else.
    """
    generation_id = new_id()
    user_id = actor.user_id
    entry = ledger.Entry(EntryKind.HOLD, f"hold:{generation_id}", "generation", str(generation_id), actor.label)
    held = await ledger.hold(tx, user_id, acceptance.price_credits, entry, active_limits=terms.limits.active)
    if held is None:
        await _explain_refusal(tx, user_id, acceptance, model, terms.limits)
        # What stood in the way is gone since; the caller may simply try again.
        raise ConcurrentUpdate
    limits = terms.limits.of(held.tier)
    row = await tx.one_or_none(
        _INSERT,
        _row(generation_id, user_id, acceptance, terms)
        | {
            "money_back": False,
            "per_minute": limits.per_minute,
            "per_hour": limits.per_hour,
            "model_per_hour": model.max_per_hour,
            "model_active": model.max_active,
        },
    )
    if row is None:
        await _check_windows(tx, user_id, model, limits)
        raise ConcurrentUpdate
    await require_left(tx, user_id, acceptance.funding, terms.quotas, generation_id=generation_id)
    if acceptance.inputs and not await uploads.hold(tx, user_id, acceptance.inputs, terms.uploads):
        raise UploadInvalid(problem="gone")
    return await _queue(tx, user_id, generation_id, acceptance, row)


async def hold_paid_and_queue(
    tx: Tx, user_id: int, generation_id: UUID, acceptance: Acceptance, terms: Terms, *, money_back: bool
) -> Accepted:
    """Queue what was just paid for, under an id given before, beyond every limit: they were checked before it was paid.

    The caller holds the user's lock and has added the price. `money_back`: if it fails, the money goes back.
    """
    entry = ledger.Entry(
        EntryKind.HOLD, f"hold:{generation_id}", "generation", str(generation_id), Actor.user(user_id).label
    )
    if await ledger.hold_paid(tx, user_id, acceptance.price_credits, entry) is None:
        message = f"the credits that generation {generation_id} was paid with are gone"
        raise AssertionError(message)
    row = await tx.one_or_none(
        _INSERT,
        _row(generation_id, user_id, acceptance, terms)
        | {
            "money_back": money_back,
            "per_minute": _NO_LIMIT,
            "per_hour": _NO_LIMIT,
            "model_per_hour": None,
            "model_active": None,
        },
    )
    if row is None:
        message = "an insert without conditions returned nothing"
        raise AssertionError(message)
    return await _queue(tx, user_id, generation_id, acceptance, row)


async def require_room(reader: Reader, user: UserView, model: Model, limits: Limits) -> None:
    """Let pass who could have one more made by this model now, credits apart.

    Raises: UserBanned, UserSuspended, MaxActiveGenerations, RateLimitExceeded.
    """
    require_allowed(user)
    tier = limits.of(user.tier)
    if user.active_generations >= tier.active:
        raise MaxActiveGenerations(limit=tier.active)
    await _check_windows(reader, user.id, model, tier)


async def _queue(tx: Tx, user_id: int, generation_id: UUID, acceptance: Acceptance, row: Row[Any]) -> Accepted:
    if acceptance.kind is Kind.PACK and acceptance.style_key is not None:
        await write_shots(tx, generation_id, acceptance.style_key, acceptance.prompt, count=acceptance.options.count)
    if acceptance.draft_id is not None:
        await tx.execute(_START_DRAFT, {"draft_id": acceptance.draft_id, "id": generation_id})
    if acceptance.origin is Origin.BOT and acceptance.chat_id is not None:
        await _owe_progress(tx, user_id, generation_id, acceptance.chat_id)
    tx.after_commit(Job(Queue.GENERATION, JOB_NAME, str(generation_id), 1), Signal(user_id))
    return Accepted(generation_id, row.created_at, row.queue_position)


def _row(generation_id: UUID, user_id: int, acceptance: Acceptance, terms: Terms) -> dict[str, object]:
    return {
        "id": generation_id,
        "user_id": user_id,
        "kind": acceptance.kind.value,
        "model_key": acceptance.model_key,
        "prompt": acceptance.prompt,
        "negative_prompt": acceptance.negative_prompt,
        "options": acceptance.options.as_json(),
        "output_count": acceptance.options.count,
        "seed": _seed(acceptance.options),
        "origin": acceptance.origin.value,
        "funding": acceptance.funding.value,
        "price_credits": acceptance.price_credits,
        "request_key": acceptance.request_key,
        "body_hash": acceptance.body_hash,
        "parent_id": acceptance.parent_id,
        "draft_id": acceptance.draft_id,
        "inputs": list(acceptance.inputs),
        "style_key": acceptance.style_key,
        "rendered_prompt": acceptance.rendered_prompt,
        "avatar_id": acceptance.avatar_id,
        "start_wait": terms.start_wait,
        "first_ring": terms.first_ring,
    }


def _seed(options: Options) -> int:
    return options.seed if options.seed is not None else secrets.randbelow(LARGEST_SEED + 1)


async def _owe_progress(tx: Tx, user_id: int, generation_id: UUID, chat_id: int) -> None:
    await outbox.owe(
        tx,
        NewDelivery(
            key=f"progress:{generation_id}",
            kind=DeliveryKind.PROGRESS,
            rank=DeliveryRank.REPLY,
            user_id=user_id,
            chat_id=chat_id,
            generation_id=generation_id,
            delay_seconds=_PROGRESS_MAY_WAIT_SECONDS,
        ),
    )


async def _explain_refusal(tx: Tx, user_id: int, acceptance: Acceptance, model: Model, limits: Limits) -> None:
    """Find out why the hold touched no row, in the order of spec §5. Returns when nothing stands in the way now."""
    user = require_present(await users.lock(tx, user_id))
    await require_room(tx, user, model, limits)
    if user.credits < acceptance.price_credits:
        raise InsufficientCredits(required=acceptance.price_credits, available=user.credits)


async def _check_windows(reader: Reader, user_id: int, model: Model, limits: TierLimits) -> None:
    """The counts, exact under the user's lock. Raises: MaxActiveGenerations, RateLimitExceeded."""
    counts = await reader.one_or_none(_COUNTS, {"user_id": user_id, "model_key": model.key})
    if counts is None:
        message = "an aggregate without a row"
        raise AssertionError(message)
    if model.max_active is not None and counts.model_active >= model.max_active:
        raise MaxActiveGenerations(limit=model.max_active, model=model.key)
    windows = (
        (counts.minute, limits.per_minute, timedelta(minutes=1), None),
        (counts.hour, limits.per_hour, timedelta(hours=1), None),
        (counts.model_hour, model.max_per_hour, timedelta(hours=1), model.key),
    )
    # Of several full windows the one that opens last says when the next is accepted.
    waits = [
        (await reader.scalar(_WAIT, {"user_id": user_id, "model_key": key, "window": window, "limit": limit}), limit)
        for count, limit, window, key in windows
        if limit is not None and count >= limit
    ]
    if waits:
        wait, limit = max((seconds or 1, limit) for seconds, limit in waits)
        raise RateLimitExceeded(limit=limit, retry_after=max(1, math.ceil(wait)))
