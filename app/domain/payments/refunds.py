"""Refunds: credits back first, then the vendor is asked, then the final state; the sweep finishes what a crash left."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.crashpoints import CrashPoints
from app.core.db import Database, Tx, violated_constraint
from app.core.ids import new_id
from app.core.jobs import Job, Queue
from app.core.metrics import Metrics
from app.domain.actors import Actor
from app.domain.alerts.service import AlertService
from app.domain.audit import log as audit
from app.domain.errors import (
    ConcurrentUpdate,
    PaymentAlreadyRefunded,
    PaymentNotFound,
    RefundExceedsBalance,
    ValidationFailed,
)
from app.domain.payments import payment_rows, refund_outcomes, returns
from app.domain.payments.models import Method, RefundOrigin, RefundState
from app.domain.payments.refund_outcomes import RefundOutcomes
from app.domain.payments.refunders import OpenRefund, Refunder, RefundLater, RefundRefused
from app.domain.payments.returns import REFUND_JOB, credits_of
from app.domain.payments.views import PaymentView, RefundView, VendorRefund
from app.domain.users import repository as users

log = structlog.get_logger(__name__)

_ONCE_INDEX: Final = "refunds_stars_once"
_OF_CHARGE = text(
    """
    SELECT r.id, r.state, r.amount_minor FROM refunds r JOIN payments p ON p.id = r.payment_id
    WHERE p.method = :method AND p.charge_id = :charge_id AND r.state <> 'REFUSED'
    """
)
# One process asks at a time, and for as long as its calls may take: a bank may not know our request's id (SBP).
_CLAIM = text(
    """
    UPDATE refunds SET next_attempt_at = now() + CASE method WHEN 'stars' THEN interval '12 seconds'
        ELSE interval '75 seconds' END
    WHERE id = :id AND state = 'OPEN' AND next_attempt_at <= now()
    """
)
_DUE = text(
    """
    SELECT id, attempts FROM refunds WHERE state = 'OPEN' AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT :limit
    """
)


class RefundService:
    """Refunds, from whichever side they begin."""

    def __init__(
        self,
        db: Database,
        refunders: Mapping[Method, Refunder],
        alerts: AlertService,
        *,
        window: timedelta,
        metrics: Metrics,
        crashpoints: CrashPoints,
    ) -> None:
        self._db = db
        self._window = window
        self._refunders = refunders
        self._outcomes = RefundOutcomes(db, alerts, metrics=metrics, crashpoints=crashpoints)
        self._crashpoints = crashpoints

    async def refund(
        self,
        actor: Actor,
        charge_id: str,
        *,
        reason: str,
        insist: bool = False,
        amount_minor: int | None = None,
    ) -> RefundView:
        """Give a charge's newest period back, its credits first; audited.

        `insist` lets credits that are spent become debt. `amount_minor` gives a part back, where the vendor can.
        Raises: PaymentNotFound, PaymentAlreadyRefunded, RefundExceedsBalance, ValidationFailed, ConcurrentUpdate.
        """
        if not reason.strip():
            raise ValidationFailed({"reason": "must not be empty"})
        async with self._db.read() as reader:
            payments = await payment_rows.find_charge(reader, charge_id)
        if not payments:
            raise PaymentNotFound
        # A vendor gives a charge back, not a period of it: of one whose newest period is back, nothing more is asked.
        target = payments[0]
        if target.refunded_minor == target.amount_minor:
            raise PaymentAlreadyRefunded
        try:
            refund_id = await self._open(actor, target, reason=reason, insist=insist, amount_minor=amount_minor)
        except IntegrityError as error:
            if violated_constraint(error) != _ONCE_INDEX:
                raise
            raise PaymentAlreadyRefunded from error
        self._crashpoints.reach("refund.opened")
        await self.finish(refund_id)
        return await self.get(refund_id)

    async def get(self, refund_id: UUID) -> RefundView:
        """A refund. Raises: PaymentNotFound."""
        async with self._db.read() as reader:
            row = await refund_outcomes.find_row(reader, refund_id)
        if row is None:
            raise PaymentNotFound
        return refund_outcomes.to_view(row)

    async def finish(self, refund_id: UUID) -> None:
        """Ask the vendor about an open refund and record what it says.

        Does nothing when it is not open (any more), not due, or being asked about by somebody else.
        """
        async with self._db.transaction() as tx:
            claimed = (await tx.execute(_CLAIM, {"id": refund_id})).rowcount == 1
            row = await refund_outcomes.find_row(tx, refund_id)
        if row is None or not claimed:
            return
        request = OpenRefund(
            row.id, row.payment_id, row.charge_id, row.payer_telegram_id, row.amount_minor, row.attempts
        )
        refunder = self._refunders.get(Method(row.method))
        try:
            if refunder is None:
                message = f"{row.method} is not configured any more"
                raise RefundLater(message)
            await refunder.refund(request)
        except RefundLater as error:
            await self._outcomes.postpone(request, error)
            return
        except RefundRefused as error:
            self._crashpoints.reach("refund.answered")
            await self._outcomes.record_refusal(refund_id, error.detail)
            return
        self._crashpoints.reach("refund.answered")
        await self._outcomes.record_success(refund_id)

    async def record_vendor_refund(self, refund: VendorRefund) -> None:
        """A refund that the vendor reports: completes ours, or takes back what no refund of ours covers.

        `amount_minor` is the total that was refunded of this charge so far. One that is reported before its charge is
        remembered, and the charge then gives nothing.
        """
        async with self._db.read() as reader:
            payments = await payment_rows.find_charge(reader, refund.charge_id, refund.method)
        if not payments:
            payments = await self._remember(refund)
        if not payments:
            return
        target = next((payment for payment in payments if payment.refunded_minor < payment.amount_minor), payments[0])
        completed: list[UUID] = []
        async with self._db.transaction() as tx:
            await refund_outcomes.lock_parties(tx, target)
            payment = await _lock_again(tx, target)
            known = await tx.all(_OF_CHARGE, {"method": refund.method.value, "charge_id": refund.charge_id})
            missing = refund.amount_minor - sum(row.amount_minor for row in known)
            # With less given back than ours ask for it is not known which of them were made.
            completed = [row.id for row in known if row.state == RefundState.OPEN and missing >= 0]
            if missing > 0 and not known and payment.refunded_minor >= refund.amount_minor:
                # Remembered before its charge came: nothing was given.
                missing = 0
            missing = min(missing, payment.amount_minor - payment.refunded_minor)
            if missing > 0:
                await self._take_back(tx, payment, missing)
        for refund_id in completed:
            await self._outcomes.record_success(refund_id)

    async def forget_payers(self) -> int:
        """Of who is no user, not even the payer's id stays once the refund window is over; returns how many."""
        async with self._db.transaction() as tx:
            return await payment_rows.forget_payers(tx, window=self._window)

    async def ring_due(self, *, limit: int) -> list[Job]:
        """Open refunds that nobody has asked about for a while."""
        async with self._db.read() as reader:
            rows = await reader.all(_DUE, {"limit": limit})
        return [Job(Queue.REST, REFUND_JOB, str(row.id), row.attempts) for row in rows]

    async def _open(
        self, actor: Actor, target: PaymentView, *, reason: str, insist: bool, amount_minor: int | None
    ) -> UUID:
        async with self._db.transaction() as tx:
            user = await users.lock(tx, target.user_id) if target.user_id is not None else None
            payment = await _lock_again(tx, target)
            left = payment.amount_minor - payment.refunded_minor
            if left == 0 or await returns.is_retired(tx, payment):
                raise PaymentAlreadyRefunded
            amount = amount_minor or left
            if not 0 < amount <= left:
                raise ValidationFailed({"amount": f"must be from 1 to {left}"})
            if returns.is_whole(payment.method) and amount != payment.amount_minor:
                raise ValidationFailed({"amount": "Stars go back as a whole"})
            due = credits_of(payment, amount)
            available = user.credits if user else 0
            if due > available and not insist:
                raise RefundExceedsBalance(required=due, available=available)
            taken = await returns.open_refund(
                tx,
                payment,
                amount_minor=amount,
                origin=RefundOrigin.OPERATOR,
                actor=actor,
                reason=reason,
                credits_due=due,
                ring=False,
            )
            if amount == left:
                await returns.withdraw(tx, payment)
            await audit.record(
                tx,
                actor,
                action="payment.refund",
                subject=f"payment:{payment.id}",
                before={"refunded_minor": payment.refunded_minor},
                after={"refunded_minor": payment.refunded_minor + amount, "credits": due, "debt": taken.debt},
                reason=reason,
            )
        return taken.refund_id

    async def _take_back(self, tx: Tx, payment: PaymentView, amount_minor: int) -> None:
        taken = await returns.open_refund(
            tx,
            payment,
            amount_minor=amount_minor,
            origin=RefundOrigin.VENDOR,
            reason="refunded on the vendor's side",
            credits_due=credits_of(payment, amount_minor),
            state=RefundState.DONE,
        )
        if payment.refunded_minor + amount_minor == payment.amount_minor:
            await returns.withdraw(tx, payment)
        await refund_outcomes.owe_notice(
            tx, payment, taken.refund_id, amount_minor, taken.credits + taken.debt, taken.debt
        )
        await refund_outcomes.follow(tx, payment)

    async def _remember(self, refund: VendorRefund) -> list[PaymentView]:
        """A refund before its charge. Returns the payments when the charge came at the same moment."""
        try:
            async with self._db.transaction() as tx:
                if refund.telegram_id is not None:
                    await users.lock_by_telegram_id(tx, refund.telegram_id)
                known = await payment_rows.lock_payments_of_charge(tx, refund.method, refund.charge_id)
                if not known:
                    await payment_rows.insert_refunded(tx, refund, payment_id=new_id())
                    log.info("refund_before_its_charge", method=refund.method, charge_id=refund.charge_id)
                return list(reversed(known))
        except IntegrityError:
            async with self._db.read() as reader:
                return await payment_rows.find_charge(reader, refund.charge_id, refund.method)


async def _lock_again(tx: Tx, seen: PaymentView) -> PaymentView:
    """The payment under its lock, unless its credits have gone to somebody else meanwhile (a gift was opened)."""
    payment = await payment_rows.lock_payment(tx, seen.id)
    if payment is None or payment.user_id != seen.user_id:
        raise ConcurrentUpdate
    return payment
