"""What follows from Telegram's money events, which the inbox keeps until they are handled."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from app.domain.payments.charges import ChargeService, ChargeSource
from app.domain.payments.models import SubscriptionState
from app.domain.payments.refunds import RefundService
from app.domain.payments.subscriptions import SubscriptionService
from app.domain.payments.views import Charge, VendorRefund

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RenewalChange:
    """Telegram's word on a subscription."""

    telegram_id: int
    payload: str
    state: SubscriptionState


StarsEvent = Charge | VendorRefund | RenewalChange
ReadUpdate = Callable[[Mapping[str, Any]], StarsEvent | None]


class StarsEvents:
    """Handles one stored event. `read` knows how Telegram writes them."""

    def __init__(
        self,
        read: ReadUpdate,
        charges: ChargeService,
        refunds: RefundService,
        subscriptions: SubscriptionService,
    ) -> None:
        self._read = read
        self._charges = charges
        self._refunds = refunds
        self._subscriptions = subscriptions

    async def handle(self, body: Mapping[str, Any]) -> None:
        """Do what the event asks for; handling it twice is harmless."""
        match self._read(body):
            case Charge() as charge:
                await self._charges.credit(charge, source=ChargeSource.UPDATE)
            case VendorRefund() as refund:
                await self._refunds.record_vendor_refund(refund)
            case RenewalChange() as change:
                try:
                    order_id = UUID(change.payload)
                except ValueError:
                    log.warning("subscription_unknown", payload=change.payload)
                    return
                await self._subscriptions.record_state(
                    telegram_id=change.telegram_id, order_id=order_id, state=change.state
                )
            case None:
                log.warning("stars_event_unreadable", keys=sorted(body))
