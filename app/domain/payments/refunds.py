"""Refunds: credits back first, then the vendor is asked, then the final state; the sweep finishes what a crash left.

A definite refusal of the vendor's, and nothing else, gives the credits back again (CLAWBACK_UNDO).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol
from uuid import UUID

import structlog
from sqlalchemy import Row, text
from sqlalchemy.exc import IntegrityError

from app.core.crashpoints import CrashPoints
from app.core.db import Database, Tx, violated_constraint
from app.core.ids import new_id
from app.core.jobs import Job, Queue, Signal
from app.core.metrics import Metrics
from app.domain.actors import Actor
from app.domain.alerts.service import AlertService
from app.domain.audit import log as audit
from app.domain.credits import ledger
from app.domain.credits.models import EntryKind
from app.domain.delivery import outbox
from app.domain.delivery.models import DeliveryKind, DeliveryRank
from app.domain.delivery.outbox import NewDelivery
from app.domain.errors import (
    ConcurrentUpdate,
    PaymentAlreadyRefunded,
    PaymentNotFound,
    RefundExceedsBalance,
    ValidationFailed,
)
from app.domain.payments import repository, returns
from app.domain.payments.models import Method, RefundOrigin, RefundState
from app.domain.payments.returns import REFUND_JOB, credits_of
from app.domain.payments.views import PaymentView, RefundView, VendorRefund
from app.domain.ports import StarsGateway, StarsRefused, StarsUnavailable
from app.domain.referrals import rewards
from app.domain.users import repository as users

log = structlog.get_logger(__name__)

_ONCE_INDEX: Final = "refunds_stars_once"
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
_OF_CHARGE = text(
    """
    SELECT r.id, r.state, r.amount_minor FROM refunds r JOIN payments p ON p.id = r.payment_id
    WHERE p.method = :method AND p.charge_id = :charge_id AND r.state <> 'REFUSED'
    """
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


@dataclass(frozen=True, slots=True)
class OpenRefund:
    """A refund to be asked for at its vendor. `id` is our request's id, the same at every repeat."""

    id: UUID
    payment_id: UUID
    charge_id: str
    payer_telegram_id: int | None
    amount_minor: int
    attempts: int


class RefundRefused(Exception):
    """The vendor refuses definitely: nothing goes back. `detail` is for the operator."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class RefundLater(Exception):
    """Nothing is known, or the vendor is away: the refund stays open."""

    def __init__(self, detail: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


class Refunder(Protocol):
    """Asks a vendor to give money back. Returning means that it has, now or before."""

    async def refund(self, refund: OpenRefund) -> None:
        """Raises: RefundRefused, RefundLater."""
        ...


class StarsRefunder:
    """Stars go back as a whole; a charge that was refunded already is a success."""

    def __init__(self, stars: StarsGateway) -> None:
        self._stars = stars

    async def refund(self, refund: OpenRefund) -> None:
        """Give the charge back. Raises: RefundRefused, RefundLater."""
        if refund.payer_telegram_id is None:
            message = "the payer is not known any more"
            raise RefundRefused(message)
        try:
            await self._stars.refund(refund.payer_telegram_id, refund.charge_id)
        except StarsUnavailable as error:
            raise RefundLater(error.detail, retry_after_seconds=error.retry_after_seconds) from error
        except StarsRefused as error:
            if not error.already_done:
                raise RefundRefused(error.detail) from error


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
        self._alerts = alerts
        self._metrics = metrics
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
            payments = await repository.find_charge(reader, charge_id)
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
            row = await reader.one_or_none(_GET, {"id": refund_id})
        if row is None:
            raise PaymentNotFound
        return _view(row)

    async def finish(self, refund_id: UUID) -> None:
        """Ask the vendor about an open refund and record what it says.

        Does nothing when it is not open (any more), not due, or being asked about by somebody else.
        """
        async with self._db.transaction() as tx:
            claimed = (await tx.execute(_CLAIM, {"id": refund_id})).rowcount == 1
            row = await tx.one_or_none(_GET, {"id": refund_id})
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
            await self._later(request, error)
            return
        except RefundRefused as error:
            self._crashpoints.reach("refund.answered")
            await self._record_refusal(refund_id, error.detail)
            return
        self._crashpoints.reach("refund.answered")
        await self._record_success(refund_id)

    async def record_vendor_refund(self, refund: VendorRefund) -> None:
        """A refund that the vendor reports: completes ours, or takes back what no refund of ours covers.

        `amount_minor` is the total that was refunded of this charge so far. One that is reported before its charge is
        remembered, and the charge then gives nothing.
        """
        async with self._db.read() as reader:
            payments = await repository.find_charge(reader, refund.charge_id, refund.method)
        if not payments:
            payments = await self._remember(refund)
        if not payments:
            return
        target = next((payment for payment in payments if payment.refunded_minor < payment.amount_minor), payments[0])
        completed: list[UUID] = []
        async with self._db.transaction() as tx:
            await _lock_parties(tx, target)
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
            await self._record_success(refund_id)

    async def forget_payers(self) -> int:
        """Of who is no user, not even the payer's id stays once the refund window is over; returns how many."""
        async with self._db.transaction() as tx:
            return await repository.forget_payers(tx, window=self._window)

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
        await _owe_notice(tx, payment, taken.refund_id, amount_minor, taken.credits + taken.debt, taken.debt)
        await _follow(tx, payment)

    async def _remember(self, refund: VendorRefund) -> list[PaymentView]:
        """A refund before its charge. Returns the payments when the charge came at the same moment."""
        try:
            async with self._db.transaction() as tx:
                if refund.telegram_id is not None:
                    await users.lock_by_telegram_id(tx, refund.telegram_id)
                known = await repository.lock_payments_of_charge(tx, refund.method, refund.charge_id)
                if not known:
                    await repository.insert_refunded(tx, refund, payment_id=new_id())
                    log.info("refund_before_its_charge", method=refund.method, charge_id=refund.charge_id)
                return list(reversed(known))
        except IntegrityError:
            async with self._db.read() as reader:
                return await repository.find_charge(reader, refund.charge_id, refund.method)

    async def _record_success(self, refund_id: UUID) -> None:
        async with self._db.transaction() as tx:
            row = await self._complete(tx, refund_id)
        # Reached as well when the vendor's own word was quicker than ours.
        self._crashpoints.reach("refund.recorded")
        if row is not None:
            self._metrics.refund_ended(method=row.method, outcome="done")
            log.info("refund_done", refund_id=str(refund_id), charge_id=row.charge_id)

    async def _complete(self, tx: Tx, refund_id: UUID) -> Row[Any] | None:
        """The refund is made; None when that was known."""
        seen = await tx.one_or_none(_GET, {"id": refund_id})
        payment = await repository.find_payment(tx, seen.payment_id) if seen is not None else None
        if payment is not None:
            await _lock_parties(tx, payment)
        row = await tx.one_or_none(_LOCK, {"id": refund_id})
        if row is None:
            return None
        await tx.execute(_FINISH, {"id": refund_id, "state": RefundState.DONE.value, "error": None})
        if payment is not None:
            await _follow(tx, payment)
            # What was retired had never been there for the user to see.
            credits_taken = 0 if row.origin == RefundOrigin.MONEY_BACK else row.credits
            await _owe_notice(tx, payment, refund_id, row.amount_minor, credits_taken, row.debt)
        return row

    async def _record_refusal(self, refund_id: UUID, detail: str) -> None:
        async with self._db.transaction() as tx:
            row = await tx.one_or_none(_GET, {"id": refund_id})
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
            payment = await repository.find_payment(tx, row.payment_id)
            if payment is not None:
                await returns.restore(tx, payment)
        self._metrics.refund_ended(method=row.method, outcome="refused")
        await self._alerts.raise_(
            f"refund-failed:{row.charge_id}",
            "alert-refund-failed",
            {"charge_id": row.charge_id, "refund_id": str(refund_id), "error": detail},
        )

    async def _later(self, refund: OpenRefund, error: RefundLater) -> None:
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


async def _lock_again(tx: Tx, seen: PaymentView) -> PaymentView:
    """The payment under its lock, unless its credits have gone to somebody else meanwhile (a gift was opened)."""
    payment = await repository.lock_payment(tx, seen.id)
    if payment is None or payment.user_id != seen.user_id:
        raise ConcurrentUpdate
    return payment


async def _lock_parties(tx: Tx, payment: PaymentView) -> None:
    """Lock everybody whose credits a refund moves, in the order of their ids (architecture, "Lock order")."""
    parties = [user_id for user_id in (payment.user_id,) if user_id is not None]
    for user_id in sorted(parties):
        await users.lock(tx, user_id)


async def _follow(tx: Tx, payment: PaymentView) -> None:
    """What else falls with a payment whose whole money is gone for good: the reward for whoever invited its payer."""
    if await tx.scalar(_IS_GONE, {"id": payment.id}):
        await rewards.reverse(tx, payment.id)


async def _owe_notice(
    tx: Tx, payment: PaymentView, refund_id: UUID, amount_minor: int, credits_due: int, debt: int
) -> None:
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


def _view(row: Row[Any]) -> RefundView:
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
