"""Payment pages of T-Bank for orders.

A page whose address was lost with the answer is of no use to anybody: it is found by its order, closed, and another
one is opened. No two pages of one order are ever open at once.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import text

from app.core.crashpoints import CrashPoints
from app.core.db import Database
from app.domain.errors import ProviderUnavailable
from app.domain.payments.terminals import CardGateways, TerminalService
from app.domain.payments.tills import PaymentPage
from app.domain.payments.views import OrderView
from app.domain.ports import (
    CardError,
    CardGateway,
    CardOrder,
    CardOutcomeUnknown,
    CardReceipt,
    CardStatus,
    ReceiptLine,
    Terminal,
)
from app.domain.users.views import UserView

log = structlog.get_logger(__name__)

# The first request of an order has either made its page or given up by then (the vendor's limit, with some room).
_FIRST_TRY: Final = timedelta(seconds=25)
_LOOK_EVERY_SECONDS: Final = 0.25
# T-Bank API 1.80, RedirectDueDate: a page stays open for a minute at least, and the clocks may differ.
_SHORTEST_PAGE: Final = timedelta(minutes=2)
_CLOSABLE: Final = frozenset({CardStatus.NEW, CardStatus.FORM_SHOWED})
_CLOSED: Final = frozenset({CardStatus.CANCELED, CardStatus.DEADLINE_EXPIRED})

# `life` is what is left of the order by the product's clock, `age` is how old it is.
_LIFE = text(
    """
    SELECT link, vendor_payment_id, clock_now() - created_at AS age, expires_at - clock_now() AS life,
        clock_now() AS now
    FROM orders WHERE id = :id
    """
)


@dataclass(frozen=True, slots=True)
class PageAddresses:
    """Where T-Bank tells us of payments, and where the buyer comes back to: `{return_url}/{order id}`."""

    notification_url: str
    return_url: str


def receipt_of(order: OrderView, amount_kopecks: int) -> CardReceipt:
    """The one line of an order's fiscal receipt, in Russian as the law has it (54-FZ)."""
    return CardReceipt((ReceiptLine(f"Кредиты Starbrush, {order.credits} шт.", amount_kopecks),))


class CardTill:
    """Makes the payment page of an order in roubles."""

    currency: Final = "RUB"

    def __init__(
        self,
        db: Database,
        gateways: CardGateways,
        terminals: TerminalService,
        *,
        addresses: PageAddresses,
        crashpoints: CrashPoints,
    ) -> None:
        self._db = db
        self._gateways = gateways
        self._terminals = terminals
        self._addresses = addresses
        self._crashpoints = crashpoints

    async def terminal(self, user: UserView) -> str | None:
        """The terminal of this user's order. Raises: Forbidden."""
        return await self._terminals.for_buyer(user)

    async def open_page(self, order: OrderView, *, language: str, item: str) -> PaymentPage:
        """The order's page; of one that was asked for before, the page of then. Raises: ProviderUnavailable."""
        gateway = self._gateways.get(Terminal(order.terminal)) if order.terminal else None
        if gateway is None:
            raise ProviderUnavailable(log={"terminal": order.terminal, "why": "not configured any more"})
        try:
            if order.is_repeat:
                found = await self._first_page(order.id)
                if found is not None:
                    return found
                await self._close_lost_pages(gateway, order.id)
            return await self._open(gateway, order, language=language, item=item)
        except CardError as error:
            raise ProviderUnavailable(log={"detail": error.detail, "code": error.code}) from error

    async def _open(self, gateway: CardGateway, order: OrderView, *, language: str, item: str) -> PaymentPage:
        request = await self._request(order, language=language, item=item)
        try:
            payment = await gateway.init(request)
        except CardOutcomeUnknown as error:
            log.warning("payment_page_lost", order_id=str(order.id), error=error.detail)
            await self._close_lost_pages(gateway, order.id)
            payment = await gateway.init(request)
        self._crashpoints.reach("page.opened")
        if payment.page_url is None:
            message = "a page without an address"
            raise CardOutcomeUnknown(message)
        return PaymentPage(payment.page_url, payment.payment_id)

    async def _close_lost_pages(self, gateway: CardGateway, order_id: UUID) -> None:
        """Nobody has the address of these pages. Raises: CardError, when one of them cannot be closed."""
        for payment in await gateway.check_order(str(order_id)):
            if payment.status in _CLOSED:
                continue
            if payment.status not in _CLOSABLE:
                message = f"payment {payment.payment_id} of this order is {payment.status}"
                raise CardError(message)
            await gateway.cancel(
                payment.payment_id,
                amount_kopecks=None,
                receipt=None,
                external_request_id=f"close:{payment.payment_id}",
            )

    async def _first_page(self, order_id: UUID) -> PaymentPage | None:
        """The page that another request of the same client is making at this moment, if it gets done."""
        while True:
            async with self._db.read() as reader:
                row = await reader.one_or_none(_LIFE, {"id": order_id})
            if row is None:
                return None
            if row.link is not None:
                return PaymentPage(row.link, row.vendor_payment_id)
            if row.age >= _FIRST_TRY:
                return None
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def _request(self, order: OrderView, *, language: str, item: str) -> CardOrder:
        back = f"{self._addresses.return_url}/{order.id}"
        return CardOrder(
            order_id=str(order.id),
            amount_kopecks=order.amount_minor,
            description=f"Starbrush: {item}" if item else f"Starbrush: {order.credits} 💎",
            receipt=receipt_of(order, order.amount_minor),
            notification_url=self._addresses.notification_url,
            success_url=back,
            fail_url=back,
            redirect_due=await self._due(order.id),
            language=language,
        )

    async def _due(self, order_id: UUID) -> datetime:
        """When the page closes: with the order."""
        async with self._db.read() as reader:
            row = (await reader.all(_LIFE, {"id": order_id}))[0]
        now: datetime = row.now
        life: timedelta = row.life
        return now + max(life, _SHORTEST_PAGE)
