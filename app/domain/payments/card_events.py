"""What T-Bank tells us of card payments, by notification or when it is asked, and what follows from it.

Only a signed notification that fits an order of ours (its terminal, payment and amount) is kept and acted upon; the
rest is refused, counted, kept apart and told to the operator, and stands in nobody's way (trap 31, trap 42).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import text

from app.core.db import Database
from app.core.jobs import Job, Queue
from app.core.metrics import Metrics
from app.domain.actors import Actor
from app.domain.alerts.service import AlertService
from app.domain.errors import PaymentMismatch
from app.domain.inbox.service import InboxService
from app.domain.payments import repository
from app.domain.payments.charges import ChargeService, ChargeSource
from app.domain.payments.models import Method, OrderStatus
from app.domain.payments.refunds import RefundService
from app.domain.payments.terminals import CardGateways
from app.domain.payments.views import Charge, OrderState, OrderView, VendorRefund
from app.domain.ports import (
    CardError,
    CardForged,
    CardGateway,
    CardMisconfigured,
    CardNotification,
    CardPayment,
    CardRefused,
    CardStatus,
    CardUnavailable,
    Terminal,
)
from app.domain.promotions import discounts

log = structlog.get_logger(__name__)

SOURCE: Final = "tbank"
CHECK_JOB: Final = "card-check"
CURRENCY: Final = "RUB"

_REFUSED_KEPT: Final = 1_000
_REFUSED_SHOWN: Final = 2_000
# Some four days at ten minutes each; a payment of which nothing was heard for so long is the operator's.
_MOST_CHECKS: Final = 600
# Nothing can be paid any more: the page is closed, or the held money was let go.
_ENDED_UNPAID: Final = frozenset({CardStatus.CANCELED, CardStatus.DEADLINE_EXPIRED, CardStatus.REVERSED})
# A page in these can still be closed.
_CLOSABLE: Final = frozenset({CardStatus.NEW, CardStatus.FORM_SHOWED})
# The page may allow another attempt as long as it is open.
_NOT_PAID_YET: Final = frozenset({CardStatus.NEW, CardStatus.FORM_SHOWED, CardStatus.REJECTED, CardStatus.AUTH_FAIL})
# In these the notification's amount is what is left, which is compared with nothing.
_GIVEN_BACK: Final = frozenset(
    {CardStatus.PARTIAL_REFUNDED, CardStatus.PARTIAL_REVERSED, CardStatus.REFUNDED, CardStatus.REVERSED}
)

_KEEP_REFUSED = text("INSERT INTO refused_events (source, reason, body) VALUES (:source, :reason, :body)")
_DROP_OLD_REFUSED = text(
    """
    DELETE FROM refused_events WHERE id <= (
        SELECT id FROM refused_events ORDER BY id DESC OFFSET :kept LIMIT 1)
    """
)
# Half a minute at first, then ever more seldom: the buyer's own looking asks sooner.
_DUE = text(
    """
    UPDATE orders SET checks = checks + 1,
        next_check_at = now() + least(30 * power(1.2, least(checks, 20)), 600) * interval '1 second'
    WHERE id IN (
        SELECT id FROM orders WHERE next_check_at <= now() ORDER BY next_check_at LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING id, checks
    """
)
_SOONER = text(
    """
    UPDATE orders SET next_check_at = now() + interval '3 seconds'
    WHERE id = :id AND user_id = :user_id AND status = 'PENDING' AND next_check_at > now() + interval '3 seconds'
    """
)
# An hour after its page has closed nothing can be on its way any more.
_PENDING = text(
    """
    SELECT checks, expires_at < clock_now() - interval '1 hour' AS is_over FROM orders
    WHERE id = :id AND method = 'tbank' AND (status = 'PENDING' OR (status = 'CLOSED' AND next_check_at IS NOT NULL))
    """
)
_ADOPT = text(
    """
    UPDATE orders SET vendor_payment_id = :payment_id
    WHERE id = :id AND vendor_payment_id IS NULL AND status IN ('PENDING', 'CLOSED')
    """
)
_NOW = text("SELECT clock_now()")


@dataclass(frozen=True, slots=True)
class CardEvent:
    """What became of a payment, by whichever way we heard of it. `amount_kopecks` is what is left of it."""

    terminal: Terminal
    order_id: str
    payment_id: str
    status: CardStatus
    amount_kopecks: int | None

    def kept(self, raw: Mapping[str, object]) -> dict[str, Any]:
        """As the inbox keeps it, with the notification's own fields."""
        return {
            "terminal": self.terminal.value,
            "order_id": self.order_id,
            "payment_id": self.payment_id,
            "status": self.status.value,
            "amount_kopecks": self.amount_kopecks,
            "notification": dict(raw),
        }


def read_event(body: Mapping[str, Any]) -> CardEvent:
    """A kept event."""
    return CardEvent(
        terminal=Terminal(body["terminal"]),
        order_id=body["order_id"],
        payment_id=body["payment_id"],
        status=CardStatus(body["status"]),
        amount_kopecks=body["amount_kopecks"],
    )


class CardEventService:
    """Card payments, as T-Bank reports them."""

    def __init__(
        self,
        db: Database,
        gateways: CardGateways,
        charges: ChargeService,
        refunds: RefundService,
        inbox: InboxService,
        alerts: AlertService,
        metrics: Metrics,
    ) -> None:
        self._db = db
        self._gateways = gateways
        self._charges = charges
        self._refunds = refunds
        self._inbox = inbox
        self._alerts = alerts
        self._metrics = metrics
        inbox.register(SOURCE, self.handle)

    async def receive(self, body: bytes) -> int:
        """Check a notification and keep it; returns the event's id in the inbox, to be handled.

        Raises: CardForged when no terminal of ours has signed it, PaymentMismatch when it fits no order of ours.
        """
        terminal, read = self._verified(body)
        event = CardEvent(terminal, read.order_id, read.payment_id, read.status, read.amount_kopecks)
        order = await self._find_order(event.order_id)
        if (why := _misfit(event, order)) is not None:
            await self._refuse(body, f"mismatch: {why}", cause=f"card-mismatch:{event.payment_id}")
            raise PaymentMismatch(log={"order_id": event.order_id, "payment_id": event.payment_id, "why": why})
        return await self._inbox.receive(source=SOURCE, body=event.kept(read.body))

    async def record_forgery(self, body: bytes) -> None:
        """Keep a notification that nobody of ours has signed, for the operator to look at."""
        await self._refuse(body, "forged", cause="card-forged")

    async def handle(self, body: Mapping[str, Any]) -> None:
        """Act upon a kept event; twice is harmless."""
        await self._apply(read_event(body), source=ChargeSource.NOTIFICATION)

    async def look(self, actor: Actor, order_id: UUID) -> None:
        """The buyer waits: let the next check of this order come soon."""
        async with self._db.transaction() as tx:
            await tx.execute(_SOONER, {"id": order_id, "user_id": actor.user_id})

    async def ring_due(self, *, limit: int) -> list[Job]:
        """Pending card orders that T-Bank is to be asked about again (the sweep)."""
        async with self._db.transaction() as tx:
            rows = await tx.all(_DUE, {"limit": limit})
        return [Job(Queue.REST, CHECK_JOB, str(row.id), row.checks) for row in rows]

    async def check(self, order_id: UUID) -> None:
        """Ask T-Bank, at the order's own terminal, what became of it. Harmless when nothing is open any more.

        The page of an order whose buyer has deleted their data is closed.
        """
        async with self._db.read() as reader:
            pending = await reader.one_or_none(_PENDING, {"id": order_id})
            order = await repository.find_order(reader, order_id, bot_username="")
        if pending is None or order is None or order.terminal is None:
            return
        gateway = self._gateways.get(Terminal(order.terminal))
        try:
            payments = await _ask(gateway, order) if gateway else ()
        except CardUnavailable as error:
            log.info("card_check_postponed", order_id=str(order_id), error=error.detail)
            return
        except (CardMisconfigured, CardRefused) as error:
            await self._alerts.raise_(
                "card-terminal-refused",
                "alert-card-terminal-refused",
                {"order_id": str(order_id), "terminal": order.terminal, "error": error.detail},
            )
            return
        if pending.checks >= _MOST_CHECKS:
            await self._give_up(order)
        elif not payments and pending.is_over:
            # No page was ever opened, and none will be.
            await self._end(order)
        for payment in payments:
            await self._follow(order, payment, is_over=pending.is_over)

    async def _follow(self, order: OrderView, payment: CardPayment, *, is_over: bool) -> None:
        """What the answer about one payment of the order means."""
        event = CardEvent(
            Terminal(order.terminal or ""), str(order.id), payment.payment_id, payment.status, payment.amount_kopecks
        )
        if (why := _misfit(event, order)) is not None:
            await self._alerts.raise_(
                f"card-mismatch:{payment.payment_id}",
                "alert-card-mismatch",
                {"order_id": str(order.id), "payment_id": payment.payment_id, "reason": why},
            )
            return
        if payment.status in _NOT_PAID_YET | _ENDED_UNPAID and is_over:
            # The page has closed with the order; an attempt that was declined ends with it.
            await self._end(order, payment_id=order.vendor_payment_id and payment.payment_id)
            return
        if payment.status in _CLOSABLE and order.state is OrderState.CLOSED:
            await self._close_page(order, payment)
            return
        await self._apply(event, source=ChargeSource.CHECK)

    async def _close_page(self, order: OrderView, payment: CardPayment) -> None:
        """Nobody is to pay a closed order. The next check hears what came of it, or tries again."""
        gateway = self._gateways[Terminal(order.terminal or "")]
        try:
            await gateway.cancel(
                payment.payment_id,
                amount_kopecks=None,
                receipt=None,
                external_request_id=f"close:{payment.payment_id}",
            )
        except CardError as error:
            log.info("card_page_stays_open", order_id=str(order.id), error=error.detail)

    async def _apply(self, event: CardEvent, *, source: ChargeSource) -> None:
        order = await self._find_order(event.order_id)
        if order is None:
            return
        match event.status:
            case CardStatus.CONFIRMED:
                await self._credit(event, order, source)
            case CardStatus.PARTIAL_REFUNDED:
                # It was paid before, whether we have heard of that or not.
                await self._credit(event, order, source)
                await self._take_back(event, order, left_kopecks=event.amount_kopecks)
            case CardStatus.REFUNDED:
                await self._take_back(event, order, left_kopecks=0)
                await self._end(order, payment_id=event.payment_id)
            case CardStatus.REVERSED if order.state is OrderState.PAID:
                await self._tell_reversed(event, order)
            case status if status in _ENDED_UNPAID:
                await self._end(order, payment_id=event.payment_id)
            case _:
                log.info("card_status", order_id=event.order_id, payment_id=event.payment_id, status=event.status)

    async def _credit(self, event: CardEvent, order: OrderView, source: ChargeSource) -> None:
        async with self._db.transaction() as tx:
            await tx.execute(_ADOPT, {"id": order.id, "payment_id": event.payment_id})
            now = await tx.scalar(_NOW)
        charge = Charge(
            method=Method.TBANK,
            charge_id=event.payment_id,
            telegram_id=None,
            currency=CURRENCY,
            amount_minor=order.amount_minor,
            payload=event.order_id,
            at=now,
        )
        await self._charges.credit(charge, source=source)

    async def _take_back(self, event: CardEvent, order: OrderView, *, left_kopecks: int | None) -> None:
        if left_kopecks is None or not 0 <= left_kopecks < order.amount_minor:
            await self._alerts.raise_(
                f"card-partial-refund:{event.payment_id}",
                "alert-card-partial-refund",
                {"order_id": event.order_id, "payment_id": event.payment_id, "left": left_kopecks},
            )
            return
        await self._refunds.record_vendor_refund(
            VendorRefund(
                method=Method.TBANK,
                charge_id=event.payment_id,
                telegram_id=None,
                currency=CURRENCY,
                amount_minor=order.amount_minor - left_kopecks,
                payload=event.order_id,
            )
        )

    async def _tell_reversed(self, event: CardEvent, order: OrderView) -> None:
        """The money of a paid order was let go, which the bank says of held money alone: something is wrong."""
        if order.vendor_payment_id != event.payment_id:
            # Another page of this order was closed.
            return
        await self._alerts.raise_(
            f"card-reversed:{event.payment_id}",
            "alert-card-reversed",
            {"order_id": event.order_id, "payment_id": event.payment_id},
        )

    async def _end(self, order: OrderView, *, payment_id: str | None = None) -> None:
        """The order was not paid and will not be, unless it is another of its pages that has ended."""
        if payment_id is not None and order.vendor_payment_id not in (None, payment_id):
            return
        if payment_id is not None and order.vendor_payment_id is None and order.state is not OrderState.EXPIRED:
            # A page whose address was lost; the order may get another one.
            return
        async with self._db.transaction() as tx:
            await repository.forget_page(tx, order.id)
            if await repository.end_unpaid(tx, order.id, OrderStatus.FAILED):
                await discounts.release(tx, order.id)

    async def _give_up(self, order: OrderView) -> None:
        await self._end(order)
        await self._alerts.raise_(
            f"card-order-unclear:{order.id}",
            "alert-card-order-unclear",
            {"order_id": str(order.id), "payment_id": order.vendor_payment_id},
        )

    async def _find_order(self, order_id: str) -> OrderView | None:
        try:
            number = UUID(order_id)
        except ValueError:
            return None
        async with self._db.read() as reader:
            return await repository.find_order(reader, number, bot_username="")

    def _verified(self, body: bytes) -> tuple[Terminal, CardNotification]:
        for terminal, gateway in self._gateways.items():
            try:
                return terminal, gateway.read_notification(body)
            except CardForged:
                continue
        message = "no terminal of ours has signed it"
        raise CardForged(message)

    async def _refuse(self, body: bytes, reason: str, *, cause: str) -> None:
        shown = body[:_REFUSED_SHOWN].decode(errors="replace").replace("\0", "")
        async with self._db.transaction() as tx:
            await tx.execute(_KEEP_REFUSED, {"source": SOURCE, "reason": reason, "body": shown})
            await tx.execute(_DROP_OLD_REFUSED, {"kept": _REFUSED_KEPT})
        kind = reason.partition(":")[0]
        self._metrics.event_refused(source=SOURCE, reason=kind)
        await self._alerts.raise_(cause, f"alert-card-{kind}", {"reason": reason})


async def _ask(gateway: CardGateway, order: OrderView) -> tuple[CardPayment, ...]:
    """The order's payment, or all of them where the answer to Init was lost. Raises: CardError."""
    if order.vendor_payment_id is None:
        return await gateway.check_order(str(order.id))
    return (await gateway.get_state(order.vendor_payment_id),)


def _misfit(event: CardEvent, order: OrderView | None) -> str | None:
    """Why an event is not about this order as it was placed."""
    if event.status is CardStatus.UNKNOWN:
        # A fiscal receipt, a card that was kept: genuine, and nothing follows from it.
        return None
    if order is None or order.method is not Method.TBANK:
        return "no such order"
    if order.terminal != event.terminal:
        return "the order is another terminal's"
    if not event.payment_id or order.vendor_payment_id not in (None, event.payment_id):
        # Of two pages of one order the first was closed before the second was opened.
        return None if event.status in _ENDED_UNPAID else "the order has another payment"
    if event.status in _GIVEN_BACK:
        too_much = event.amount_kopecks is not None and event.amount_kopecks > order.amount_minor
        return "more is left than was paid" if too_much else None
    if event.amount_kopecks != order.amount_minor:
        return f"the order costs {order.amount_minor} kopecks"
    return None
