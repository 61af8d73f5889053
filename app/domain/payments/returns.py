"""Takes back what a payment gave, and owes the money's way back: the part of a refund that is one transaction.

The caller has locked the user whom the payment's entry names, where there is one, before anything else.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text

from app.core.db import Tx
from app.core.ids import new_id
from app.core.jobs import Job, Queue, Signal
from app.domain.actors import Actor
from app.domain.credits import ledger
from app.domain.credits.models import EntryKind
from app.domain.payments import repository
from app.domain.payments.giving import GRACE
from app.domain.payments.models import Method, Purpose, RefundOrigin, RefundState
from app.domain.payments.views import PaymentView

REFUND_JOB: Final = "refund"
STOP_RENEWAL_JOB: Final = "stop-renewal"

_INSERT = text(
    """
    INSERT INTO refunds (id, payment_id, method, amount_minor, credits, user_id, origin, actor, reason, state,
        next_attempt_at, finished_at)
    VALUES (:id, :payment_id, :method, :amount_minor, :credits, :user_id, :origin, :actor, :reason, :state,
        now(), CASE WHEN :state = 'OPEN' THEN NULL ELSE clock_now() END)
    """
)
_REDUCE = text(
    """
    UPDATE payments SET refunded_minor = refunded_minor + :amount_minor, clawed_credits = clawed_credits + :credits
    WHERE id = :id
    """
)
_CLOSE_GIFT = text("UPDATE gifts SET state = 'CLOSED' WHERE order_id = :order_id AND state IN ('UNPAID', 'OPEN')")
# What other payments have bought stays.
_SHORTEN = text(
    """
    UPDATE users SET premium_until = (
        SELECT max(p.period_end) + CAST(:grace AS interval) FROM payments p JOIN orders o ON o.id = p.order_id
        WHERE p.user_id = :user_id AND o.purpose = 'subscription' AND p.refunded_minor < p.amount_minor)
    WHERE id = :user_id
    """
)
# Premium that was given back is over; months that were paid before stay.
_STOP_SUBSCRIPTION = text(
    """
    UPDATE subscriptions SET
        state = CASE WHEN recurring THEN 'CANCELED' ELSE state END,
        stop_owed = recurring AND state <> 'CANCELED',
        period_end = coalesce(
            (SELECT max(p.period_end) FROM payments p
             WHERE p.order_id = :order_id AND p.refunded_minor < p.amount_minor),
            clock_now() - CAST(:grace AS interval))
    WHERE order_id = :order_id RETURNING id, stop_owed
    """
)
_RESTORE_SUBSCRIPTION = text(
    """
    UPDATE subscriptions SET
        -- Telegram was told already: the user may resume it
        state = CASE WHEN stop_owed THEN 'ACTIVE' ELSE state END,
        stop_owed = false,
        period_end = coalesce(
            (SELECT max(p.period_end) FROM payments p
             WHERE p.order_id = :order_id AND p.refunded_minor < p.amount_minor),
            period_end)
    WHERE order_id = :order_id
    """
)
_REOPEN_GIFT = text(
    "UPDATE gifts SET state = 'OPEN' WHERE order_id = :order_id AND state = 'CLOSED' AND taken_by IS NULL"
)
_NO_MONEY_BACK = text(
    """
    UPDATE generations SET money_back = false WHERE id = :id AND money_back
    RETURNING status IN ('FAILED', 'CANCELLED') AS ended
    """
)
_IS_RETIRED = text(
    "SELECT EXISTS (SELECT 1 FROM generations WHERE id = :id AND money_back AND status IN ('FAILED', 'CANCELLED'))"
)


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A refund as it was opened."""

    refund_id: UUID
    credits: int
    debt: int


async def open_refund(
    tx: Tx,
    payment: PaymentView,
    *,
    amount_minor: int,
    origin: RefundOrigin,
    actor: Actor | None = None,
    reason: str = "",
    credits_due: int = 0,
    already_taken: int = 0,
    state: RefundState = RefundState.OPEN,
    ring: bool = True,
) -> TakenBack:
    """Owe the vendor's refund, taking `credits_due` back: what is spent of them becomes debt.

    Without `ring` the caller asks the vendor itself, and the sweep does when it could not.
    `already_taken` are credits that left by another entry (RETIRE) and come back when the vendor refuses.
    Raises: IntegrityError of `refunds_stars_once` when a refund of these Stars exists.
    """
    if payment.generation_id is not None and origin is not RefundOrigin.MONEY_BACK:
        ended = await tx.scalar(_NO_MONEY_BACK, {"id": payment.generation_id})
        if ended:
            # It was not made, and the hold was retired: this refund takes the place of the one that was owed for it.
            credits_due, already_taken = 0, credits_due
    actor = actor or Actor.system("refunds")
    refund_id = new_id()
    taken = 0
    if credits_due and payment.user_id is not None:
        entry = ledger.Entry(EntryKind.CLAWBACK, f"refund:{refund_id}", "refund", str(refund_id), actor.label)
        taken = await ledger.claw_back(tx, payment.user_id, credits_due, entry)
    await tx.execute(
        _INSERT,
        {
            "id": refund_id,
            "payment_id": payment.id,
            "method": payment.method.value,
            "amount_minor": amount_minor,
            "credits": credits_due + already_taken,
            "user_id": payment.user_id,
            "origin": origin.value,
            "actor": actor.label,
            "reason": reason,
            "state": state.value,
        },
    )
    await tx.execute(_REDUCE, {"id": payment.id, "amount_minor": amount_minor, "credits": credits_due + already_taken})
    if state is RefundState.OPEN and ring:
        tx.after_commit(Job(Queue.REST, REFUND_JOB, str(refund_id)))
    if payment.user_id is not None:
        tx.after_commit(Signal(payment.user_id))
    return TakenBack(refund_id, taken, credits_due - taken)


def credits_of(payment: PaymentView, amount_minor: int) -> int:
    """The credits that this part of the money has bought and that were not taken back before, rounded down."""
    so_far = payment.refunded_minor + amount_minor
    return payment.credits * so_far // payment.amount_minor - payment.clawed_credits


async def is_retired(tx: Tx, payment: PaymentView) -> bool:
    """Whether its credits are gone and its money is owed already, because what it paid for was not made."""
    return payment.generation_id is not None and bool(await tx.scalar(_IS_RETIRED, {"id": payment.generation_id}))


async def withdraw(tx: Tx, payment: PaymentView) -> None:
    """Take back what is no credits: the gift, premium. After the whole payment was refunded.

    A picture that was freed of its watermark stays so: it has been seen.
    """
    order = await repository.lock_order(tx, payment.order_id) if payment.order_id else None
    if order is None:
        return
    match order.purpose:
        case Purpose.GIFT:
            await tx.execute(_CLOSE_GIFT, {"order_id": order.id})
        case Purpose.SUBSCRIPTION:
            row = await tx.one_or_none(_STOP_SUBSCRIPTION, {"order_id": order.id, "grace": GRACE})
            if row is not None and row.stop_owed:
                tx.after_commit(Job(Queue.REST, STOP_RENEWAL_JOB, str(row.id)))
            if payment.user_id is not None:
                await tx.execute(_SHORTEN, {"user_id": payment.user_id, "grace": GRACE})
        case Purpose.PACK | Purpose.UNLOCK | Purpose.DRAFT:
            return


async def restore(tx: Tx, payment: PaymentView) -> None:
    """The vendor refused: what `withdraw` took is there again."""
    order = await repository.lock_order(tx, payment.order_id) if payment.order_id else None
    if order is None:
        return
    match order.purpose:
        case Purpose.GIFT:
            await tx.execute(_REOPEN_GIFT, {"order_id": order.id})
        case Purpose.SUBSCRIPTION:
            await tx.execute(_RESTORE_SUBSCRIPTION, {"order_id": order.id})
            if payment.user_id is not None:
                await tx.execute(_SHORTEN, {"user_id": payment.user_id, "grace": GRACE})
        case Purpose.PACK | Purpose.UNLOCK | Purpose.DRAFT:
            return


def is_whole(method: Method) -> bool:
    """Whether this vendor gives back whole charges only (Bot API, refundStarPayment)."""
    return method is Method.STARS
