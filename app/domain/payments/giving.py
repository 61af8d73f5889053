"""What a paid order gives: credits, premium, a gift, a clean picture, or the start of exactly one generation.

Everything joins the transaction that records the charge, under the user's lock. None means that nothing was left to
give, and the money goes back.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text

from app.core.db import Tx
from app.core.ids import new_id
from app.domain.actors import Actor
from app.domain.credits import ledger
from app.domain.credits.models import EntryKind
from app.domain.payments import pay_and_go, payment_rows, unlocking
from app.domain.payments.models import Purpose
from app.domain.payments.pay_and_go import GoTerms
from app.domain.payments.views import Charge, OrderView, PaymentView
from app.domain.users.views import UserView

# Premium while paid plus one day (spec §2, row 16): a renewal may be late.
GRACE: Final = timedelta(days=1)

_OPEN_GIFT = text("UPDATE gifts SET state = 'OPEN' WHERE order_id = :order_id AND state = 'UNPAID' RETURNING id")
# A year begins where the paid time ends; Telegram's months have an end of their own.
_EXTEND = text(
    """
    UPDATE users SET premium_until = greatest(
        premium_until,
        CASE WHEN CAST(:period_end AS timestamptz) IS NOT NULL THEN CAST(:period_end AS timestamptz)
            ELSE greatest(premium_until - CAST(:grace AS interval), clock_now()) + make_interval(days => :days)
        END + CAST(:grace AS interval))
    WHERE id = :user_id RETURNING premium_until - CAST(:grace AS interval) AS period_end
    """
)
_SUBSCRIBE = text(
    """
    INSERT INTO subscriptions (id, user_id, order_id, product_key, charge_id, recurring, period_end)
    VALUES (:id, :user_id, :order_id, :product_key, :charge_id, :recurring, :period_end)
    ON CONFLICT (order_id) DO UPDATE SET
        period_end = greatest(subscriptions.period_end, excluded.period_end),
        -- whoever pays again has not cancelled
        state = CASE WHEN excluded.period_end > subscriptions.period_end THEN 'ACTIVE' ELSE subscriptions.state END
    """
)


@dataclass(frozen=True, slots=True)
class Given:
    """What was given for a charge."""

    purpose: Purpose
    credits: int = 0
    period_end: datetime | None = None
    gift_id: UUID | None = None
    generation_id: UUID | None = None


async def give(
    tx: Tx, user: UserView, order: OrderView, payment: PaymentView, charge: Charge, terms: GoTerms
) -> Given | None:
    """Give what the order is for; None when there is nothing left to give."""
    match order.purpose:
        case Purpose.PACK:
            return await give_credits(tx, user, order, payment, purpose=Purpose.PACK)
        case Purpose.SUBSCRIPTION:
            return await _give_premium(tx, user, order, payment, charge)
        case Purpose.GIFT:
            gift_id = await tx.scalar(_OPEN_GIFT, {"order_id": order.id})
            return Given(Purpose.GIFT, gift_id=gift_id) if gift_id else None
        case Purpose.UNLOCK:
            return await _give_clean(tx, user, order, payment)
        case Purpose.DRAFT:
            return await _give_start(tx, user, order, payment, terms)


async def give_credits(
    tx: Tx,
    user: UserView,
    order: OrderView,
    payment: PaymentView,
    *,
    purpose: Purpose,
    pays_debt: bool = True,
    period_end: datetime | None = None,
) -> Given:
    """PURCHASE: the order's credits, debt first."""
    key = entry_key(payment)
    entry = ledger.Entry(EntryKind.PURCHASE, key, "payment", str(payment.id), Actor.system("payments").label)
    await ledger.add(tx, user.id, order.credits, entry, pays_debt=pays_debt)
    await payment_rows.record_given(
        tx, payment.id, user_id=user.id, credits_given=order.credits, entry_key=key, period_end=period_end
    )
    return Given(purpose, credits=order.credits)


async def _give_clean(tx: Tx, user: UserView, order: OrderView, payment: PaymentView) -> Given | None:
    if not await unlocking.give(tx, order):
        return None
    await payment_rows.record_given(
        tx, payment.id, user_id=user.id, credits_given=0, entry_key=None, generation_id=order.generation_id
    )
    return Given(Purpose.UNLOCK, generation_id=order.generation_id)


async def _give_start(tx: Tx, user: UserView, order: OrderView, payment: PaymentView, terms: GoTerms) -> Given:
    """Start the draft at once, before any other tab could spend its credits; else they are given as of a pack."""
    draft = await pay_and_go.lock_startable(tx, user, order, terms)
    given = await give_credits(
        tx, user, order, payment, purpose=Purpose.DRAFT if draft else Purpose.PACK, pays_debt=draft is None
    )
    if draft is None:
        return given
    generation_id = await pay_and_go.begin(tx, user, order, draft, terms)
    await payment_rows.record_given(
        tx,
        payment.id,
        user_id=user.id,
        credits_given=order.credits,
        entry_key=entry_key(payment),
        generation_id=generation_id,
    )
    return replace(given, generation_id=generation_id)


def entry_key(payment: PaymentView) -> str:
    """The PURCHASE's key (architecture, "Credits")."""
    period = f":{payment.period_no}" if payment.method.value == "stars" else ""
    return f"{payment.method.value}:{payment.charge_id}{period}"


async def _give_premium(tx: Tx, user: UserView, order: OrderView, payment: PaymentView, charge: Charge) -> Given:
    row = await tx.one_or_none(
        _EXTEND, {"user_id": user.id, "period_end": charge.period_end, "grace": GRACE, "days": order.days or 30}
    )
    if row is None:
        message = f"user {user.id} vanished under its lock"
        raise AssertionError(message)
    period_end = charge.period_end or row.period_end
    given = await give_credits(tx, user, order, payment, purpose=Purpose.SUBSCRIPTION, period_end=period_end)
    if user.id == order.user_id:
        await tx.execute(
            _SUBSCRIBE,
            {
                "id": new_id(),
                "user_id": user.id,
                "order_id": order.id,
                "product_key": order.product_key,
                "charge_id": charge.charge_id,
                "recurring": order.recurring,
                "period_end": period_end,
            },
        )
    return replace(given, period_end=period_end)
