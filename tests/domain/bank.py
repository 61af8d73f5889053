"""T-Bank for tests of the domain: the sandbox's, served in this process, and what it would notify."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.actors import Actor
from app.domain.payments.models import Method
from app.domain.payments.views import NewOrder, OrderView
from app.domain.users.views import UserView
from app.sandbox.tbank.notifier import notification_of
from app.sandbox.tbank.payments import Payment, TBankStatus
from app.sandbox.tbank.token import token_of
from tests.domain.shop import Shop
from tests.harness import CARD_TERMINALS
from tests.sandbox.rig import Sandbox

PRODUCTION, PRODUCTION_PASSWORD = CARD_TERMINALS["TBANK_TERMINAL_KEY"], CARD_TERMINALS["TBANK_PASSWORD"]
TEST, TEST_PASSWORD = CARD_TERMINALS["TBANK_TEST_TERMINAL_KEY"], CARD_TERMINALS["TBANK_TEST_PASSWORD"]
TERMINALS: Mapping[str, str] = {PRODUCTION: PRODUCTION_PASSWORD, TEST: TEST_PASSWORD}


def card_settings(url: str) -> dict[str, Any]:
    """Settings of a shop that sells by card through this sandbox."""
    return {
        "cards_enabled": True,
        "tbank_base_url": f"{url}/tbank",
        "tbank_terminal_key": PRODUCTION,
        "tbank_password": PRODUCTION_PASSWORD,
        "tbank_test_terminal_key": TEST,
        "tbank_test_password": TEST_PASSWORD,
        "tbank_taxation": "usn_income",
        "tbank_receipt_email": "receipts@shop.test",
        "public_url": "https://shop.test",
    }


@dataclass
class Bank:
    """What happens at the bank, and the bodies that it sends."""

    sandbox: Sandbox

    def payments(self, order: OrderView) -> list[Payment]:
        """Every payment of an order, oldest first."""
        key = TEST if order.terminal == "test" else PRODUCTION
        return self.sandbox.world.tbank.list_of_order(key, str(order.id))

    def payment(self, order: OrderView) -> Payment:
        return self.payments(order)[-1]

    def pay(self, order: OrderView) -> Payment:
        """The buyer pays, and nobody is told."""
        return self.sandbox.world.tbank.pay(self.payment(order))

    def decline(self, order: OrderView) -> Payment:
        return self.sandbox.world.tbank.decline(self.payment(order))

    def give_back(self, order: OrderView, amount: int | None = None) -> Payment:
        return self.sandbox.world.tbank.give_back(self.payment(order), amount)

    def told(self, payment: Payment, status: TBankStatus | None = None, **changes: object) -> bytes:
        """A genuine notification, or one with other fields under a right signature; `password` signs wrongly."""
        password = str(changes.pop("password", TERMINALS[str(changes.get("TerminalKey", payment.terminal_key))]))
        fields = {**notification_of(payment, status or payment.status), **changes}
        return json.dumps({**fields, "Token": token_of(fields, password)}).encode()

    async def fault(self, method: str, kind: str, *, times: int = 1) -> None:
        await self.sandbox.fault(f"tbank:{method}", kind, times=times)


async def ordered_by_card(shop: Shop, user: UserView, product: str = "pack-starter", **given: Any) -> OrderView:
    """An order with its payment page."""
    return await shop.services.orders.create(
        Actor.user(user.id), NewOrder(Method.TBANK, product), cards_allowed=True, **given
    )


async def hear(shop: Shop, body: bytes) -> bool:
    """What the hook does with a notification. Raises: CardForged, PaymentMismatch."""
    event_id = await shop.services.card_events.receive(body)
    try:
        await shop.services.inbox.handle(event_id)
    except Exception as error:  # noqa: BLE001 - what the border of the hook does
        await shop.services.inbox.record_failure(event_id, error)
        return False
    return True
