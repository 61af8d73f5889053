"""Credits what was paid, exactly once however often, late or out of order it is reported (promise 5).

One transaction: the payment's row, the PURCHASE, and what the product does. The payer's row is its first lock, so that
reports of one charge wait for each other; the row's key (charge, period) is what makes the second one nothing.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.exc import IntegrityError

from app.core.crashpoints import CrashPoints
from app.core.db import Database, Tx, violated_constraint
from app.core.ids import new_id
from app.core.jobs import Signal
from app.core.metrics import Metrics
from app.domain.alerts.service import AlertService
from app.domain.delivery import outbox
from app.domain.delivery.models import DeliveryKind, DeliveryRank
from app.domain.delivery.outbox import NewDelivery
from app.domain.payments import giving, payment_rows, repository, returns
from app.domain.payments.giving import Given
from app.domain.payments.models import RefundOrigin
from app.domain.payments.pay_and_go import GoTerms
from app.domain.payments.views import Charge, OrderView, PaymentView
from app.domain.promotions import discounts
from app.domain.referrals import rewards
from app.domain.users import repository as users
from app.domain.users.views import UserView

log = structlog.get_logger(__name__)

_CHARGE_INDEX: Final = "payments_charge"
# Two reports of one period name nearly the same end; two periods are a month apart (architecture, "Credits").
_SAME_PERIOD: Final = timedelta(days=15)


class ChargeSource(StrEnum):
    """How we heard of a charge."""

    UPDATE = "update"
    RECONCILIATION = "reconciliation"
    NOTIFICATION = "notification"
    CHECK = "check"


class ChargeOutcome(StrEnum):
    """What became of a report. UNKNOWN: kept and alerted, nothing was given."""

    CREDITED = "credited"
    REFUNDING = "refunding"
    KNOWN = "known"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class _Report:
    outcome: ChargeOutcome
    why: str = ""


class ChargeService:
    """What follows a charge, whatever vendor reports it."""

    def __init__(
        self,
        db: Database,
        alerts: AlertService,
        *,
        go_terms: GoTerms,
        bot_username: str,
        metrics: Metrics,
        crashpoints: CrashPoints,
    ) -> None:
        self._db = db
        self._alerts = alerts
        self._go_terms = go_terms
        self._bot_username = bot_username
        self._metrics = metrics
        self._crashpoints = crashpoints

    async def credit(self, charge: Charge, *, source: ChargeSource) -> ChargeOutcome:
        """Give what was paid for, unless it was given or refunded before.

        What names no order of ours, or does not fit it, is kept without giving anything, and alerted.
        """
        try:
            report = await self._credit(charge, source)
        except IntegrityError as error:
            if violated_constraint(error) != _CHARGE_INDEX:
                raise
            # Reported for two payers at the same moment; the row of the other one is there now.
            report = await self._credit(charge, source)
        log.info(
            "charge_reported", method=charge.method, charge_id=charge.charge_id, outcome=report.outcome, source=source
        )
        self._metrics.payment_reported(method=charge.method.value, outcome=report.outcome.value)
        if report.outcome is ChargeOutcome.UNKNOWN:
            await self._alerts.raise_(
                f"payment-unknown:{charge.charge_id}",
                "alert-payment-unknown",
                {
                    "charge_id": charge.charge_id,
                    "payload": charge.payload,
                    "amount": charge.amount_minor,
                    "currency": charge.currency,
                    "why": report.why,
                },
            )
        return report.outcome

    async def list_of(self, user_id: int, *, limit: int = 50) -> tuple[PaymentView, ...]:
        """A user's payments, newest first, for the operator."""
        async with self._db.read() as reader:
            return tuple(await payment_rows.list_payments(reader, user_id, limit=limit))

    async def _credit(self, charge: Charge, source: ChargeSource) -> _Report:
        order_id = _order_id(charge.payload)
        async with self._db.read() as reader:
            order = await repository.find_order(reader, order_id, bot_username="") if order_id else None
        async with self._db.transaction() as tx:
            user = await _lock_payer(tx, charge, order)
            known = await payment_rows.lock_payments_of_charge(tx, charge.method, charge.charge_id)
            period_no = _period_no(charge, known)
            if (seen := next((each for each in known if each.period_no == period_no), None)) is not None:
                if seen.period_end is None and charge.period_end is not None:
                    # Remembered by its refund, which names no period: the next month must not be taken for it.
                    await payment_rows.set_period_end(tx, seen.id, charge.period_end)
                return _Report(ChargeOutcome.KNOWN)
            payment = _new_payment(charge, period_no, order, user)
            await payment_rows.insert_payment(tx, payment, source=source.value)
            order = await repository.lock_order(tx, order.id) if order else None
            if (why := _misfit(charge, order)) is not None or order is None:
                return _Report(ChargeOutcome.UNKNOWN, why or "no such order")
            given = await giving.give(tx, user, order, payment, charge, self._go_terms) if user else None
            await repository.set_paid(tx, order.id)
            if given is None or user is None:
                await returns.open_refund(
                    tx, payment, amount_minor=payment.amount_minor, origin=RefundOrigin.NOTHING_TO_GIVE
                )
                if user is not None:
                    await _owe_notice(
                        tx,
                        user,
                        payment,
                        {"purpose": "nothing", "stars": payment.amount_minor, "currency": payment.currency},
                    )
                report = _Report(ChargeOutcome.REFUNDING)
            else:
                if order.promo_code is not None:
                    await discounts.consume(tx, order.id, user_id=order.user_id, code=order.promo_code)
                await rewards.record_purchase(tx, user.id, payment.id)
                await self._tell(tx, user, order, payment, given)
                report = _Report(ChargeOutcome.CREDITED)
            self._crashpoints.reach("charge.written")
        self._crashpoints.reach("charge.committed")
        return report

    async def _tell(self, tx: Tx, user: UserView, order: OrderView, payment: PaymentView, given: Given) -> None:
        after = await users.lock(tx, user.id)
        await _owe_notice(
            tx,
            user,
            payment,
            {
                "purpose": given.purpose.value,
                "product_key": order.product_key,
                "method": order.method.value,
                "amount": order.amount_minor,
                "currency": order.currency,
                "credits": given.credits,
                "balance": after.credits if after else 0,
                "debt": after.debt if after else 0,
                "period_end": given.period_end.isoformat() if given.period_end else None,
                "gift": self._gift(given, order),
                "generation_id": str(given.generation_id) if given.generation_id else None,
                "charge_id": payment.charge_id,
            },
        )
        tx.after_commit(Signal(user.id))

    def _gift(self, given: Given, order: OrderView) -> dict[str, object] | None:
        """What the buyer of a gift sends on."""
        if given.gift_id is None:
            return None
        link = repository.gift_link(self._bot_username, given.gift_id)
        return {"gift_id": str(given.gift_id), "state": "OPEN", "credits": order.credits, "link": link}


async def _lock_payer(tx: Tx, charge: Charge, order: OrderView | None) -> UserView | None:
    """Who is given to: the payer, else the buyer; None when both have left."""
    if charge.telegram_id is not None:
        payer = await users.lock_by_telegram_id(tx, charge.telegram_id)
        if payer is not None and not payer.deleted:
            return payer
    buyer = await users.lock(tx, order.user_id) if order else None
    return None if buyer is None or buyer.deleted else buyer


async def _owe_notice(tx: Tx, user: UserView, payment: PaymentView, params: dict[str, object]) -> None:
    if user.telegram_id is None:
        return
    await outbox.owe(
        tx,
        NewDelivery(
            key=f"payment:{payment.id}",
            kind=DeliveryKind.NOTICE,
            rank=DeliveryRank.REPLY,
            user_id=user.id,
            chat_id=user.telegram_id,
            template="payment",
            params=params,
        ),
    )


def _order_id(payload: str) -> UUID | None:
    try:
        return UUID(payload)
    except ValueError:
        return None


def _period_no(charge: Charge, known: list[PaymentView]) -> int:
    """Which period of the charge this is (architecture, "Credits"): of one that was refunded first, the same."""
    if charge.period_end is None:
        return 0
    for payment in known:
        if payment.period_end is None or abs(payment.period_end - charge.period_end) < _SAME_PERIOD:
            return payment.period_no
    return max((payment.period_no for payment in known), default=-1) + 1


def _new_payment(charge: Charge, period_no: int, order: OrderView | None, user: UserView | None) -> PaymentView:
    return PaymentView(
        id=new_id(),
        method=charge.method,
        charge_id=charge.charge_id,
        period_no=period_no,
        order_id=order.id if order else None,
        user_id=user.id if user else None,
        payer_telegram_id=charge.telegram_id,
        currency=charge.currency,
        amount_minor=charge.amount_minor,
        refunded_minor=0,
        credits=0,
        clawed_credits=0,
        generation_id=None,
        period_end=charge.period_end,
        created_at=charge.at,
    )


def _misfit(charge: Charge, order: OrderView | None) -> str | None:
    """Why nothing can be given for a charge."""
    if order is None:
        return "no such order"
    if order.method is not charge.method:
        return f"the order is paid by {order.method}"
    if order.currency != charge.currency or order.amount_minor != charge.amount_minor:
        return f"the order costs {order.amount_minor} {order.currency}"
    return None
