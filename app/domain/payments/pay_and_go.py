"""Pay and go: a payment for exactly one draft starts it, once, in the transaction that credits the payment.

Whatever could keep the draft from starting is asked when it is ordered and again at the checkout; once it is paid,
only a ban, or a draft that is gone, changed or started, turns it into mere credits.
"""

from dataclasses import dataclass
from uuid import UUID

from app.core.db import Database, Tx
from app.domain.actors import Actor
from app.domain.catalog import repository as catalog
from app.domain.catalog.views import render
from app.domain.errors import (
    DuplicateRequest,
    NotFound,
    PaymentAlreadyRefunded,
    PaymentConsumed,
    PaymentMismatch,
    PaymentNotFound,
    ValidationFailed,
)
from app.domain.generations.accept import Acceptance, Terms, hold_paid_and_queue, require_room
from app.domain.generations.draft_rows import lock_draft
from app.domain.generations.drafts import DraftService, start_key
from app.domain.generations.judging import PromptJudge
from app.domain.generations.models import Kind, Origin
from app.domain.generations.packs import has_shots
from app.domain.generations.views import DraftStatus, DraftView, GenerationView
from app.domain.limits.tiers import Limits
from app.domain.payments import repository
from app.domain.payments.models import Method, Purpose
from app.domain.payments.views import OrderState, OrderView
from app.domain.uploads import repository as uploads
from app.domain.users import repository as users
from app.domain.users.rules import require_present
from app.domain.users.views import UserView


@dataclass(frozen=True, slots=True)
class GoTerms:
    """On what terms a paid draft is started. `money_back`: when it fails, the money goes back and not the credits."""

    acceptance: Terms
    money_back: bool


class PayAndGo:
    """Drafts that are paid for one by one."""

    def __init__(
        self,
        db: Database,
        judge: PromptJudge,
        drafts: DraftService,
        *,
        limits: Limits,
    ) -> None:
        self._db = db
        self._judge = judge
        self._drafts = drafts
        self._limits = limits

    async def check(self, actor: Actor, draft_id: UUID) -> int:
        """Let a draft pass that could be started now if only the credits were there; returns its price in credits.

        Raises: UserNotFound, UserBanned, UserSuspended, NotFound (gone or expired), PaymentConsumed (started),
            ValidationFailed (it costs nothing, or waits for something), Maintenance, StyleUnavailable,
            ModelUnavailable, UploadInvalid, PromptRejected, MaxActiveGenerations, RateLimitExceeded.
        """
        draft = await self._drafts.get(actor, draft_id)
        if draft.status is DraftStatus.STARTED:
            raise PaymentConsumed(generation_id=str(draft.generation_id))
        if draft.status is DraftStatus.EXPIRED:
            raise NotFound
        if draft.price_credits == 0:
            raise ValidationFailed({"draft_id": "costs nothing"})
        model = await self._drafts.require_makeable(actor, draft)
        await self._judge.check(draft.kind, draft.style_key, draft.prompt, draft.negative_prompt)
        async with self._db.read() as reader:
            user = require_present(await users.find(reader, actor.user_id))
            await require_room(reader, user, model, self._limits)
        return draft.price_credits

    async def start(self, actor: Actor, draft_id: UUID, *, payment_id: UUID, origin: Origin) -> GenerationView:
        """Start a draft on a payment that has started nothing yet. `payment_id` is the order's.

        Of two tabs one starts it and the other is told so (trap 38).
        Raises: PaymentNotFound (unknown, somebody else's, unpaid), PaymentConsumed with `generation_id`,
            PaymentMismatch (it paid for something else), PaymentAlreadyRefunded, DuplicateRequest (the draft was
            started otherwise), and whatever `DraftService.start` raises.
        """
        await self._require_unused(actor, draft_id, payment_id)

        async def consume(tx: Tx, generation_id: UUID) -> None:
            order = await repository.lock_order(tx, payment_id)
            _require_unused(order, actor, draft_id)
            await repository.consume(tx, payment_id, generation_id)

        try:
            return await self._drafts.start(actor, draft_id, origin=origin, on_accepted=consume)
        except DuplicateRequest:
            # It may have been this very payment, a moment ago.
            await self._require_unused(actor, draft_id, payment_id)
            raise

    async def _require_unused(self, actor: Actor, draft_id: UUID, payment_id: UUID) -> None:
        async with self._db.read() as reader:
            order = await repository.find_order(reader, payment_id, bot_username="")
        _require_unused(order, actor, draft_id)


async def lock_startable(tx: Tx, user: UserView, order: OrderView, terms: GoTerms) -> DraftView | None:
    """The draft that an order was paid for, locked; None when it must not or cannot be started any more.

    What it is made from may be gone by then: it is kept from here on. A style that is off by now was there when it was
    paid for, and will do; only one that is gone altogether will not.
    """
    if user.id != order.user_id or user.banned or user.suspended_until is not None or order.draft_id is None:
        return None
    if order.consumed_by is not None:
        return None
    draft = await lock_draft(tx, user.id, order.draft_id)
    if draft is None or draft.status is DraftStatus.STARTED or draft.price_credits != order.credits:
        return None
    if not await _has_style(tx, draft):
        return None
    if draft.inputs and not await uploads.hold(tx, user.id, draft.inputs, terms.acceptance.uploads):
        return None
    return draft


async def _has_style(tx: Tx, draft: DraftView) -> bool:
    if draft.style_key is None:
        return True
    if draft.kind is Kind.PACK:
        return await has_shots(tx, draft.style_key, draft.options.count)
    return await catalog.find_template(tx, draft.style_key) is not None


async def begin(tx: Tx, user: UserView, order: OrderView, draft: DraftView, terms: GoTerms) -> UUID:
    """Hold what was just credited and queue the generation under the id that the order was given for it."""
    if order.generation_id is None:
        message = f"order {order.id} was given no id for its generation"
        raise AssertionError(message)
    is_templated = draft.style_key is not None and draft.kind is not Kind.PACK
    template = await catalog.find_template(tx, draft.style_key or "") if is_templated else None
    acceptance = Acceptance(
        kind=draft.kind,
        model_key=draft.model_key,
        prompt=draft.prompt,
        negative_prompt=draft.negative_prompt,
        options=draft.options,
        # Who pays in Telegram looks at the chat.
        origin=Origin.BOT if order.method is Method.STARS else Origin.API,
        funding=draft.funding,
        price_credits=draft.price_credits,
        request_key=start_key(draft.id),
        body_hash=None,
        parent_id=draft.parent_id,
        draft_id=draft.id,
        chat_id=user.telegram_id,
        inputs=draft.inputs,
        style_key=draft.style_key,
        rendered_prompt=None if template is None else render(template, draft.prompt),
        avatar_id=draft.avatar_id,
    )
    await hold_paid_and_queue(
        tx, user.id, order.generation_id, acceptance, terms.acceptance, money_back=terms.money_back
    )
    await repository.consume(tx, order.id, order.generation_id)
    return order.generation_id


def _require_unused(order: OrderView | None, actor: Actor, draft_id: UUID) -> None:
    if order is None or order.user_id != actor.user_id or order.purpose is not Purpose.DRAFT:
        raise PaymentNotFound
    if order.consumed_by is not None:
        raise PaymentConsumed(generation_id=str(order.consumed_by))
    if order.state is OrderState.REFUNDED:
        raise PaymentAlreadyRefunded
    if order.state is not OrderState.PAID:
        raise PaymentNotFound
    if order.draft_id != draft_id:
        raise PaymentMismatch
