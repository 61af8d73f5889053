"""What became of a refund that a vendor was asked for: made, refused, or to be asked for again.

A definite refusal of the vendor's, and nothing else, gives the credits back again (CLAWBACK_UNDO).
"""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import Row, text

from app.core.crashpoints import CrashPoints
from app.core.db import Database, Reader, Tx
from app.core.jobs import Job, Queue, Signal
from app.core.metrics import Metrics
from app.domain.actors import Actor
from app.domain.alerts.service import AlertService
from app.domain.credits import ledger
from app.domain.credits.models import EntryKind
from app.domain.delivery import outbox
from app.domain.delivery.models import DeliveryKind, DeliveryRank
from app.domain.delivery.outbox import NewDelivery
from app.domain.payments import payment_rows, returns
from app.domain.payments.models import Method, RefundOrigin, RefundState
from app.domain.payments.refunders import OpenRefund, RefundLater
from app.domain.payments.returns import REFUND_JOB
from app.domain.payments.views import PaymentView, RefundView
from app.domain.referrals import rewards
from app.domain.users import repository as users

log = structlog.get_logger(__name__)

_FIRST_WAIT_SECONDS: Final = 5
_LONGEST_WAIT_SECONDS: Final = 3_600
_TRIES_UNTIL_ALERT: Final = 5

_COLUMNS: Final = """
    r.id, r.payment_id, r.method, r.amount_minor, r.credits, r.user_id, r.origin, r.actor, r.reason, r.state,
    r.attempts, r.error, p.charge_id, p.payer_telegram_id,
    coalesce((SELECT e.delta_debt FROM ledger_entries e WHERE e.key = 'refund:' || r.id), 0) AS debt
"""
_GET = text(f"SELECT {_COLUMNS} FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE r.id = :id")  # noqa: S608 - fixed text
_LOCK = text(
    f"""
    SELECT {_COLUMNS} FROM refunds r JOIN payments p ON p.id = r.payment_id
    WHERE r.id = :id AND r.state = 'OPEN' FOR UPDATE OF r
    """  # noqa: S608 - fixed text
)
_FINISH = text("UPDATE refunds SET state = :state, error = :error, finished_at = clock_now() WHERE id = :id")
_LATER = text(
    """
    UPDATE refunds SET attempts = attempts + 1, error = :error, next_attempt_at = now() + CAST(:delay AS interval)
    WHERE id = :id AND state = 'OPEN' RETURNING attempts
    """
)
_UNDO = text(
    """
    UPDATE payments SET refunded_minor = refunded_minor - :amount_minor, clawed_credits = clawed_credits - :credits
    WHERE id = :id
    """
)
_IS_GONE = text(
    """
    SELECT p.refunded_minor = p.amount_minor
        AND NOT EXISTS (SELECT 1 FROM refunds r WHERE r.payment_id = p.id AND r.state = 'OPEN')
    FROM payments p WHERE p.id = :id
    """
)


class RefundOutcomes:
    """Records them, each once, whoever is quicker to know: the vendor's answer to us or its own word."""

    def __init__(self, db: Database, alerts: AlertService, *, metrics: Metrics, crashpoints: CrashPoints) -> None:
        self._db = db
        self._alerts = alerts
        self._metrics = metrics
        self._crashpoints = crashpoints

    async def record_success(self, refund_id: UUID) -> None:
        """The money has gone back."""
        async with self._db.transaction() as tx:
            row = await self._complete(tx, refund_id)
        # Reached as well when the vendor's own word was quicker than ours.
        self._crashpoints.reach("refund.recorded")
        if row is not None:
            self._metrics.refund_ended(method=row.method, outcome="done")
            log.info("refund_done", refund_id=str(refund_id), charge_id=row.charge_id)

    async def _complete(self, tx: Tx, refund_id: UUID) -> Row[Any] | None:
        """The refund is made; None when that was known."""
        seen = await find_row(tx, refund_id)
        payment = await payment_rows.find_payment(tx, seen.payment_id) if seen is not None else None
        if payment is not None:
            await lock_parties(tx, payment)
        row = await tx.one_or_none(_LOCK, {"id": refund_id})
        if row is None:
            return None
        await tx.execute(_FINISH, {"id": refund_id, "state": RefundState.DONE.value, "error": None})
        if payment is not None:
            await follow(tx, payment)
            # What was retired had never been there for the user to see.
            credits_taken = 0 if row.origin == RefundOrigin.MONEY_BACK else row.credits
            await owe_notice(tx, payment, refund_id, row.amount_minor, credits_taken, row.debt)
        return row

    async def record_refusal(self, refund_id: UUID, detail: str) -> None:
        """The vendor refuses: the credits are back, and the operator is told `detail`."""
        async with self._db.transaction() as tx:
            row = await find_row(tx, refund_id)
            if row is None:
                return
            if row.user_id is not None:
                await users.lock(tx, row.user_id)
            row = await tx.one_or_none(_LOCK, {"id": refund_id})
            if row is None:
                return
            if row.credits and row.user_id is not None:
                entry = ledger.Entry(
                    EntryKind.CLAWBACK_UNDO,
                    f"refund_undo:{refund_id}",
                    "refund",
                    str(refund_id),
                    Actor.system("refunds").label,
                )
                await ledger.add(tx, row.user_id, row.credits, entry)
                tx.after_commit(Signal(row.user_id))
            await tx.execute(_UNDO, {"id": row.payment_id, "amount_minor": row.amount_minor, "credits": row.credits})
            await tx.execute(_FINISH, {"id": refund_id, "state": RefundState.REFUSED.value, "error": detail})
            payment = await payment_rows.find_payment(tx, row.payment_id)
            if payment is not None:
                await returns.restore(tx, payment)
        self._metrics.refund_ended(method=row.method, outcome="refused")
        await self._alerts.raise_(
            f"refund-failed:{row.charge_id}",
            "alert-refund-failed",
            {"charge_id": row.charge_id, "refund_id": str(refund_id), "error": detail},
        )

    async def postpone(self, refund: OpenRefund, error: RefundLater) -> None:
        """Nothing is known: it is asked for again after a while, and after some times the operator is told."""
        delay = min(_FIRST_WAIT_SECONDS * 2**refund.attempts, _LONGEST_WAIT_SECONDS)
        delay = max(delay, int(error.retry_after_seconds or 0))
        async with self._db.transaction() as tx:
            attempts = await tx.scalar(
                _LATER, {"id": refund.id, "error": error.detail, "delay": timedelta(seconds=delay)}
            )
            if attempts is not None:
                tx.after_commit(Job(Queue.REST, REFUND_JOB, str(refund.id), attempts, float(delay)))
        log.warning("refund_postponed", refund_id=str(refund.id), error=error.detail, again_in_seconds=delay)
        if attempts == _TRIES_UNTIL_ALERT:
            await self._alerts.raise_(
                f"refund-waiting:{refund.charge_id}",
                "alert-refund-waiting",
                {"charge_id": refund.charge_id, "refund_id": str(refund.id), "error": error.detail},
            )


async def find_row(reader: Reader, refund_id: UUID) -> Row[Any] | None:
    """A refund with its charge, whatever its state."""
    return await reader.one_or_none(_GET, {"id": refund_id})


async def lock_parties(tx: Tx, payment: PaymentView) -> None:
    """Lock everybody whose credits a refund moves, in the order of their ids (architecture, "Lock order")."""
    parties = [user_id for user_id in (payment.user_id,) if user_id is not None]
    for user_id in sorted(parties):
        await users.lock(tx, user_id)


async def follow(tx: Tx, payment: PaymentView) -> None:
    """What else falls with a payment whose whole money is gone for good: the reward for whoever invited its payer."""
    if await tx.scalar(_IS_GONE, {"id": payment.id}):
        await rewards.reverse(tx, payment.id)


async def owe_notice(
    tx: Tx, payment: PaymentView, refund_id: UUID, amount_minor: int, credits_due: int, debt: int
) -> None:
    """Owe the user the news of a refund that is made."""
    user = await users.find(tx, payment.user_id) if payment.user_id is not None else None
    if user is None or user.telegram_id is None:
        return
    await outbox.owe(
        tx,
        NewDelivery(
            key=f"refund:{refund_id}",
            kind=DeliveryKind.NOTICE,
            rank=DeliveryRank.NOTICE,
            user_id=user.id,
            chat_id=user.telegram_id,
            template="refund",
            params={
                "method": payment.method.value,
                "amount": amount_minor,
                "currency": payment.currency,
                "credits": credits_due,
                "debt": debt,
            },
        ),
    )


def to_view(row: Row[Any]) -> RefundView:
    """A refund as it is shown."""
    return RefundView(
        id=row.id,
        payment_id=row.payment_id,
        charge_id=row.charge_id,
        method=Method(row.method),
        amount_minor=row.amount_minor,
        credits_taken=row.credits,
        debt_added=row.debt,
        origin=RefundOrigin(row.origin),
        state=RefundState(row.state),
        error=row.error,
    )
