"""Telegram's till in memory: it charges, refunds and keeps its own books, and fails when it is told to."""

from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from app.core.db import refuse_inside_transaction
from app.domain.actors import Actor
from app.domain.payments.charges import ChargeOutcome, ChargeSource
from app.domain.payments.models import Method
from app.domain.payments.views import Charge, NewOrder, OrderView, PreCheckout, VendorRefund
from app.domain.ports import StarsInvoice, StarsRefused, StarTransaction
from app.domain.users.views import UserView

# Some days ago, so that the month paid then is still running whenever this runs.
NOON = (datetime.now(UTC) - timedelta(days=8)).replace(hour=12, minute=0, second=0, microsecond=0)
MONTH = timedelta(days=30)


@dataclass
class MemoryTill:
    """The StarsGateway port. `answers` are raised by the next calls, in order; None lets a call through."""

    invoices: list[StarsInvoice] = field(default_factory=list)
    refunded: list[str] = field(default_factory=list)
    renewals: list[tuple[str, bool]] = field(default_factory=list)
    transactions: list[StarTransaction] = field(default_factory=list)
    answers: deque[BaseException | None] = field(default_factory=deque)
    refunds_although_it_fails: bool = False

    async def create_link(self, invoice: StarsInvoice) -> str:
        refuse_inside_transaction("the till")
        self._fail()
        self.invoices.append(invoice)
        return f"https://t.me/$invoice{len(self.invoices)}"

    async def refund(self, telegram_id: int, charge_id: str) -> None:
        refuse_inside_transaction("the till")
        try:
            self._fail()
        except BaseException:
            if self.refunds_although_it_fails:
                # Of an answer that is lost nobody hears either that the Stars had gone back before.
                with suppress(StarsRefused):
                    self._refund(telegram_id, charge_id)
            raise
        self._refund(telegram_id, charge_id)

    async def set_renewal(self, telegram_id: int, charge_id: str, *, is_canceled: bool) -> None:  # noqa: ARG002 - the port's
        refuse_inside_transaction("the till")
        self._fail()
        self.renewals.append((charge_id, is_canceled))

    async def list_transactions(self, *, offset: int, limit: int) -> list[StarTransaction]:
        refuse_inside_transaction("the till")
        self._fail()
        return self.transactions[offset : offset + limit]

    def _refund(self, telegram_id: int, charge_id: str) -> None:
        if charge_id in self.refunded:
            raise StarsRefused("Bad Request: CHARGE_ALREADY_REFUNDED", already_done=True)
        self.refunded.append(charge_id)
        stars = next((each.stars for each in self.transactions if each.id == charge_id), 1)
        self.transactions.append(
            StarTransaction(charge_id, stars, NOON, incoming=False, telegram_id=telegram_id, payload="x")
        )

    def _fail(self) -> None:
        if self.answers and (answer := self.answers.popleft()) is not None:
            raise answer


_charges = count(1)


def charge_of(order: OrderView, user: UserView, *, charge_id: str | None = None, **given: Any) -> Charge:
    """What Telegram reports when `user` has paid an order."""
    fields: dict[str, Any] = {
        "method": Method.STARS,
        "charge_id": charge_id or f"charge-{next(_charges)}",
        "telegram_id": user.telegram_id,
        "currency": order.currency,
        "amount_minor": order.amount_minor,
        "payload": str(order.id),
        "at": NOON,
        "period_end": NOON + MONTH if order.recurring else None,
    }
    return Charge(**(fields | given))


def refund_of(charge: Charge) -> VendorRefund:
    """What Telegram reports when a charge was given back."""
    return VendorRefund(
        charge.method, charge.charge_id, charge.telegram_id, charge.currency, charge.amount_minor, charge.payload
    )


def transaction_of(charge: Charge, *, period: timedelta | None = None, at: datetime = NOON) -> StarTransaction:
    """The line of Telegram's books for a charge."""
    return StarTransaction(
        charge.charge_id,
        charge.amount_minor,
        at,
        incoming=True,
        telegram_id=charge.telegram_id,
        payload=charge.payload,
        period_seconds=int(period.total_seconds()) if period else None,
    )


def query_of(order: OrderView, user: UserView, **given: Any) -> PreCheckout:
    """What Telegram asks before it charges."""
    assert user.telegram_id is not None
    fields: dict[str, Any] = {
        "telegram_id": user.telegram_id,
        "currency": order.currency,
        "amount_minor": order.amount_minor,
        "payload": str(order.id),
    }
    return PreCheckout(**(fields | given))


async def ordered(shop: Any, user: UserView, product: str = "pack-starter", **given: Any) -> OrderView:
    """An order in Stars."""
    order: OrderView = await shop.services.orders.create(
        Actor.user(user.id), NewOrder(Method.STARS, product, **given), wants_link=False
    )
    return order


async def paid(shop: Any, user: UserView, product: str = "pack-starter", **given: Any) -> tuple[OrderView, Charge]:
    """An order that was paid and credited."""
    order = await ordered(shop, user, product, **given)
    charge = charge_of(order, user)
    assert await shop.services.charges.credit(charge, source=ChargeSource.UPDATE) is ChargeOutcome.CREDITED
    return order, charge
