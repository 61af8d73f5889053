"""Gives card payments back through T-Bank.

`ExternalRequestId` keeps a repeated Cancel from giving twice, but not for SBP: the state is read before every Cancel.
"""

from typing import Final

from sqlalchemy import text

from app.core.db import Database
from app.domain.alerts.service import AlertService
from app.domain.payments import repository
from app.domain.payments.card_till import receipt_of
from app.domain.payments.refunders import OpenRefund, RefundLater, RefundRefused
from app.domain.payments.terminals import CardGateways
from app.domain.payments.views import OrderView
from app.domain.ports import (
    CardGateway,
    CardMisconfigured,
    CardOutcomeUnknown,
    CardRefused,
    CardStatus,
    CardUnavailable,
    Terminal,
)

_PARTLY_GIVEN_BACK: Final = frozenset({CardStatus.PARTIAL_REFUNDED, CardStatus.PARTIAL_REVERSED})

# What is left of the payment once this refund and every other one have been made. An open one counts as made, since
# it may have been: then this one is asked for once more than needed, and not once too seldom.
_LEFT = text(
    """
    SELECT p.order_id, p.amount_minor, p.amount_minor - :amount_minor - coalesce((
        SELECT sum(r.amount_minor) FROM refunds r WHERE r.payment_id = p.id AND r.state <> 'REFUSED' AND r.id <> :id
    ), 0) AS left_minor
    FROM payments p WHERE p.id = :payment_id
    """
)


class CardRefunder:
    """The Refunder of card payments: each through the terminal of its order."""

    def __init__(self, db: Database, gateways: CardGateways, alerts: AlertService) -> None:
        self._db = db
        self._gateways = gateways
        self._alerts = alerts

    async def refund(self, refund: OpenRefund) -> None:
        """Give the amount back, unless it was given before. Raises: RefundRefused, RefundLater."""
        try:
            await self._refund(refund)
        except CardRefused as error:
            raise RefundRefused(error.detail) from error
        except CardMisconfigured as error:
            await self._alerts.raise_("card-terminal-refused", "alert-card-terminal-refused", {"error": error.detail})
            raise RefundLater(error.detail) from error
        except (CardUnavailable, CardOutcomeUnknown) as error:
            raise RefundLater(error.detail) from error

    async def _refund(self, refund: OpenRefund) -> None:
        async with self._db.read() as reader:
            row = (
                await reader.all(
                    _LEFT, {"id": refund.id, "payment_id": refund.payment_id, "amount_minor": refund.amount_minor}
                )
            )[0]
            order = await repository.find_order(reader, row.order_id, bot_username="") if row.order_id else None
        if order is None:
            # Somebody else's charge: it was kept without ever giving anything.
            message = "the payment belongs to no order of ours, so its terminal is not known"
            raise RefundRefused(message)
        gateway = self._gateway(order)
        if await _is_given_back(gateway, refund.charge_id, left_kopecks=row.left_minor):
            return
        is_whole = refund.amount_minor == row.amount_minor
        try:
            done = await gateway.cancel(
                refund.charge_id,
                amount_kopecks=None if is_whole else refund.amount_minor,
                receipt=None if is_whole else receipt_of(order, refund.amount_minor),
                external_request_id=str(refund.id),
            )
        except CardRefused:
            # Refused, perhaps, because somebody at the bank was quicker.
            if await _is_given_back(gateway, refund.charge_id, left_kopecks=row.left_minor):
                return
            raise
        if not (done.status.is_refunded_whole or done.status in _PARTLY_GIVEN_BACK):
            message = f"Cancel: the payment is {done.status}"
            raise CardOutcomeUnknown(message)

    def _gateway(self, order: OrderView) -> CardGateway:
        gateway = self._gateways.get(Terminal(order.terminal)) if order.terminal else None
        if gateway is None:
            message = f"the terminal {order.terminal} is not configured any more"
            raise RefundLater(message)
        return gateway


async def _is_given_back(gateway: CardGateway, payment_id: str, *, left_kopecks: int) -> bool:
    """Whether the state at T-Bank is already what this refund wants. Raises: CardError."""
    state = await gateway.get_state(payment_id)
    if state.status.is_refunded_whole:
        return True
    return state.status in _PARTLY_GIVEN_BACK and state.amount_kopecks <= left_kopecks
