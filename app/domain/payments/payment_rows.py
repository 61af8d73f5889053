"""Statements on payments: what was charged, period by period. Whoever moves credits has locked the user first."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from app.core.db import Reader, Tx
from app.domain.payments.models import Method
from app.domain.payments.views import PaymentView, VendorRefund

_PAYMENT_COLUMNS: Final = """
    p.id, p.method, p.charge_id, p.period_no, p.order_id, p.user_id, p.payer_telegram_id, p.currency, p.amount_minor,
    p.refunded_minor, p.credits, p.clawed_credits, p.generation_id, p.period_end, p.created_at
"""
_PAYMENTS_OF_CHARGE = text(
    f"""
    SELECT {_PAYMENT_COLUMNS} FROM payments p
    WHERE p.method = :method AND p.charge_id = :charge_id ORDER BY p.period_no FOR UPDATE
    """  # noqa: S608 - fixed text
)
_FIND_CHARGE = text(
    f"""
    SELECT {_PAYMENT_COLUMNS} FROM payments p
    WHERE p.charge_id = :charge_id AND (CAST(:method AS text) IS NULL OR p.method = :method) ORDER BY p.period_no DESC
    """  # noqa: S608 - fixed text
)
_PAYMENT = text(f"SELECT {_PAYMENT_COLUMNS} FROM payments p WHERE p.id = :id")  # noqa: S608 - fixed text
_LOCK_PAYMENT = text(
    f"SELECT {_PAYMENT_COLUMNS} FROM payments p WHERE p.id = :id FOR UPDATE"  # noqa: S608 - fixed text
)
_LOCK_PAYMENT_OF_GENERATION = text(
    f"""
    SELECT {_PAYMENT_COLUMNS} FROM payments p JOIN orders o ON o.id = p.order_id
    WHERE p.generation_id = :generation_id AND o.purpose = 'draft' FOR UPDATE OF p
    """  # noqa: S608 - fixed text
)
_PAYMENTS_OF_USER = text(
    f"""
    SELECT {_PAYMENT_COLUMNS} FROM payments p WHERE p.user_id = :user_id ORDER BY p.id DESC LIMIT :limit
    """  # noqa: S608 - fixed text
)
_INSERT_PAYMENT = text(
    """
    INSERT INTO payments (id, method, charge_id, period_no, order_id, user_id, payer_telegram_id, currency,
        amount_minor, refunded_minor, period_end, source)
    VALUES (:id, :method, :charge_id, :period_no, CAST(:order_id AS uuid), :user_id, :payer_telegram_id, :currency,
        :amount_minor, :refunded_minor, CAST(:period_end AS timestamptz), :source)
    """
)
_SET_PERIOD_END = text("UPDATE payments SET period_end = :period_end WHERE id = :id")
_RECORD_GIVEN = text(
    """
    UPDATE payments SET user_id = :user_id, credits = :credits, entry_key = :entry_key,
        generation_id = CAST(:generation_id AS uuid),
        period_end = coalesce(period_end, CAST(:period_end AS timestamptz))
    WHERE id = :id
    """
)
_FORGET_PAYERS = text(
    """
    UPDATE payments SET payer_telegram_id = NULL WHERE id IN (
        SELECT p.id FROM payments p
        WHERE p.payer_telegram_id IS NOT NULL AND p.created_at < clock_now() - CAST(:window AS interval)
            AND NOT EXISTS (SELECT 1 FROM users u WHERE u.telegram_id = p.payer_telegram_id)
            AND NOT EXISTS (SELECT 1 FROM refunds r WHERE r.payment_id = p.id AND r.state = 'OPEN')
            AND NOT EXISTS (SELECT 1 FROM subscriptions s WHERE s.order_id = p.order_id AND s.stop_owed)
        ORDER BY p.created_at LIMIT :limit FOR UPDATE OF p SKIP LOCKED)
    """
)


async def lock_payments_of_charge(tx: Tx, method: Method, charge_id: str) -> list[PaymentView]:
    """Every period of a charge, oldest first, their rows locked."""
    rows = await tx.all(_PAYMENTS_OF_CHARGE, {"method": method.value, "charge_id": charge_id})
    return [_payment(row) for row in rows]


async def find_charge(reader: Reader, charge_id: str, method: Method | None = None) -> list[PaymentView]:
    """Every period of a charge, newest first."""
    rows = await reader.all(_FIND_CHARGE, {"charge_id": charge_id, "method": method.value if method else None})
    return [_payment(row) for row in rows]


async def find_payment(reader: Reader, payment_id: UUID) -> PaymentView | None:
    """A payment."""
    row = await reader.one_or_none(_PAYMENT, {"id": payment_id})
    return _payment(row) if row else None


async def lock_payment(tx: Tx, payment_id: UUID) -> PaymentView | None:
    """A payment, its row locked; the user's lock was taken before."""
    row = await tx.one_or_none(_LOCK_PAYMENT, {"id": payment_id})
    return _payment(row) if row else None


async def lock_payment_of_generation(tx: Tx, generation_id: UUID) -> PaymentView | None:
    """The payment that has started a generation, its row locked; the user's lock was taken before."""
    row = await tx.one_or_none(_LOCK_PAYMENT_OF_GENERATION, {"generation_id": generation_id})
    return _payment(row) if row else None


async def list_payments(reader: Reader, user_id: int, *, limit: int) -> list[PaymentView]:
    """A user's payments, newest first."""
    return [_payment(row) for row in await reader.all(_PAYMENTS_OF_USER, {"user_id": user_id, "limit": limit})]


async def insert_payment(tx: Tx, payment: PaymentView, *, source: str) -> None:
    """Write a charge, nothing given for it yet. Raises IntegrityError when this period of it is known."""
    await tx.execute(
        _INSERT_PAYMENT,
        {
            "id": payment.id,
            "method": payment.method.value,
            "charge_id": payment.charge_id,
            "period_no": payment.period_no,
            "order_id": payment.order_id,
            "user_id": payment.user_id,
            "payer_telegram_id": payment.payer_telegram_id,
            "currency": payment.currency,
            "amount_minor": payment.amount_minor,
            "refunded_minor": payment.refunded_minor,
            "period_end": payment.period_end,
            "source": source,
        },
    )


async def set_period_end(tx: Tx, payment_id: UUID, period_end: datetime) -> None:
    """Which period a payment was for, told later."""
    await tx.execute(_SET_PERIOD_END, {"id": payment_id, "period_end": period_end})


async def record_given(
    tx: Tx,
    payment_id: UUID,
    *,
    user_id: int,
    credits_given: int,
    entry_key: str | None,
    generation_id: UUID | None = None,
    period_end: datetime | None = None,
) -> None:
    """What was given for a charge, to whom, by which entry."""
    await tx.execute(
        _RECORD_GIVEN,
        {
            "id": payment_id,
            "user_id": user_id,
            "credits": credits_given,
            "entry_key": entry_key,
            "generation_id": generation_id,
            "period_end": period_end,
        },
    )


async def insert_refunded(tx: Tx, refund: VendorRefund, *, payment_id: UUID) -> None:
    """Remember a charge that was refunded before it was reported: it will give nothing."""
    await tx.execute(
        _INSERT_PAYMENT,
        {
            "id": payment_id,
            "method": refund.method.value,
            "charge_id": refund.charge_id,
            "period_no": 0,
            "order_id": None,
            "user_id": None,
            "payer_telegram_id": refund.telegram_id,
            "currency": refund.currency,
            "amount_minor": refund.amount_minor,
            "refunded_minor": refund.amount_minor,
            "period_end": None,
            "source": "refund",
        },
    )


async def forget_payers(tx: Tx, *, window: timedelta, limit: int = 1000) -> int:
    """Forget, beyond the refund window, payers who are nobody's user (any more), as long as no money depends on them.

    Returns how many.
    """
    return (await tx.execute(_FORGET_PAYERS, {"window": window, "limit": limit})).rowcount


def _payment(row: Row[Any]) -> PaymentView:
    return PaymentView(
        id=row.id,
        method=Method(row.method),
        charge_id=row.charge_id,
        period_no=row.period_no,
        order_id=row.order_id,
        user_id=row.user_id,
        payer_telegram_id=row.payer_telegram_id,
        currency=row.currency,
        amount_minor=row.amount_minor,
        refunded_minor=row.refunded_minor,
        credits=row.credits,
        clawed_credits=row.clawed_credits,
        generation_id=row.generation_id,
        period_end=row.period_end,
        created_at=row.created_at,
    )
