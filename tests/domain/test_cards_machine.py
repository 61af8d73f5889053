"""Promises 1 and 5 for cards as a state machine: what the bank tells comes late, twice, reordered, forged or never."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.core.errors import AppError
from app.domain.errors import PaymentMismatch
from app.domain.payments.models import RefundState
from app.domain.payments.views import OrderView
from app.domain.ports import CardForged
from app.domain.users.views import UserView
from app.sandbox.config import SandboxConfig
from app.sandbox.tbank.token import token_of
from tests.domain.bank import PRODUCTION, PRODUCTION_PASSWORD, TERMINALS, card_settings, hear, ordered_by_card
from tests.domain.machines import machine_settings
from tests.domain.shop import OPERATOR, Shop, shop_settings
from tests.harness import BOT_TOKEN
from tests.sandbox.rig import Sandbox, serve

T = TypeVar("T")

CREDITS, KOPECKS, FIRST_CREDITS = 100, 20_000, 20
# Parts of a payment, some of which are no whole number of credits.
PARTS = st.sampled_from([1, 199, 200, 5_000, 9_999, 15_000, KOPECKS])


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    home = tmp_path_factory.mktemp("sandbox")
    async with serve(SandboxConfig(port=0, data_dir=home, bot_token=BOT_TOKEN, tbank_terminals=TERMINALS)) as running:
        yield running


@dataclass
class Sale:
    """An order and what the bank has made of it; `told` are the genuine notifications, in their order."""

    order: OrderView
    paid: bool = False
    refunded: int = 0
    told: list[bytes] = field(default_factory=list)

    @property
    def net_credits(self) -> int:
        """What its buyer has of it once everything is heard."""
        return CREDITS - CREDITS * self.refunded // KOPECKS if self.paid else 0

    def tell(self, status: str, amount: int) -> None:
        fields = {
            "TerminalKey": PRODUCTION,
            "OrderId": str(self.order.id),
            "Success": status != "REJECTED",
            "Status": status,
            "PaymentId": int(self.order.vendor_payment_id or 0),
            "ErrorCode": "0",
            "Amount": amount,
        }
        self.told.append(json.dumps({**fields, "Token": token_of(fields, PRODUCTION_PASSWORD)}).encode())


class CardTraffic(RuleBasedStateMachine):
    """The bank is the sandbox's; it tells nothing by itself, since the rules deliver what it would have told."""

    database_url = ""
    bank_url = ""
    serial = 820_000_000
    sales: Bundle[Sale] = Bundle("sales")

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.control = httpx.Client(base_url=f"{self.bank_url}/sandbox/api", timeout=30, trust_env=False)
        self.made: list[Sale] = []
        self.spent = 0

    @initialize()
    def open_shop(self) -> None:
        async def open_() -> tuple[Shop, UserView]:
            given = card_settings(self.bank_url) | {"purchases_per_hour": 1_000}
            shop = Shop(shop_settings(self.database_url, **given))
            await shop.seed()
            type(self).serial += 1
            return shop, (await shop.enter(self.serial)).user

        self.shop, self.buyer = self.run(open_())

    def teardown(self) -> None:
        if hasattr(self, "shop"):
            self.come_to_rest()
            self.run(self.shop.close())
        self.control.close()
        self._runner.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def at_the_bank(self, path: str, **body: object) -> bool:
        answer = self.control.post(f"/{path}", json=body)
        assert answer.status_code in (200, 400), answer.text
        return answer.status_code == 200

    # ------------------------------------------------------------------------------------------------- rules

    @rule(target=sales)
    def order(self) -> Sale:
        sale = Sale(self.run(ordered_by_card(self.shop, self.buyer)))
        self.made.append(sale)
        return sale

    @rule(sale=sales)
    def pay(self, sale: Sale) -> None:
        if self.at_the_bank("tbank/pay", payment_id=sale.order.vendor_payment_id, notify="never"):
            sale.paid = True
            sale.tell("AUTHORIZED", KOPECKS)
            sale.tell("CONFIRMED", KOPECKS)

    @rule(sale=sales)
    def decline(self, sale: Sale) -> None:
        body = {"payment_id": sale.order.vendor_payment_id, "outcome": "declined", "notify": "never"}
        if self.at_the_bank("tbank/pay", **body):
            sale.tell("REJECTED", KOPECKS)

    @rule(sale=sales, part=PARTS)
    def give_back_at_the_bank(self, sale: Sale, part: int) -> None:
        self.at_the_bank("tbank/refund", payment_id=sale.order.vendor_payment_id, amount=part)
        self.look(sale)

    @rule(sale=sales, part=PARTS, lost=st.sampled_from([None, "drop_before", "drop_after", "500"]))
    def refund(self, sale: Sale, part: int, lost: str | None) -> None:
        if lost is not None:
            self.at_the_bank("faults", method="tbank:Cancel", kind=lost, times=1)
        try:
            self.run(
                self.shop.services.refunds.refund(
                    OPERATOR, sale.order.vendor_payment_id or "", reason="a rule", insist=True, amount_minor=part
                )
            )
        except AppError:
            pass
        finally:
            self.control.delete("/faults")
        self.look(sale)

    @rule(sale=sales, data=st.data(), times=st.integers(1, 3))
    def hear(self, sale: Sale, data: st.DataObject, times: int) -> None:
        if not sale.told:
            return
        body = data.draw(st.sampled_from(sale.told))

        async def at_once() -> None:
            await asyncio.gather(*(hear(self.shop, body) for _ in range(times)))

        self.run(at_once())

    @rule(sale=sales, amount=st.sampled_from([1, KOPECKS]), signed=st.booleans())
    def forge(self, sale: Sale, amount: int, signed: bool) -> None:
        forged = Sale(sale.order)
        forged.tell("CONFIRMED", amount)
        body = forged.told[0] if signed else forged.told[0].replace(b'"Token": "', b'"Token": "0')
        if signed and amount == KOPECKS:
            return
        with pytest.raises(PaymentMismatch if signed else CardForged):
            self.run(hear(self.shop, body))

    @rule(sale=sales)
    def check(self, sale: Sale) -> None:
        self.run(self.shop.services.card_events.check(sale.order.id))

    @rule(amount=st.integers(1, 150))
    def spend(self, amount: int) -> None:
        try:
            self.run(self.shop.services.credits.adjust(OPERATOR, self.serial, -amount, reason="as if spent"))
        except AppError:
            return
        self.spent += amount

    # -------------------------------------------------------------------------------------------- the bank's side

    def look(self, sale: Sale) -> None:
        """What has been given back meanwhile, by whomever, is told as well."""
        listed = self.control.get("/tbank/payments").json()["payments"]
        now = next(one for one in listed if one["payment_id"] == sale.order.vendor_payment_id)
        if now["refunded"] > sale.refunded:
            sale.refunded = now["refunded"]
            sale.tell(now["status"], KOPECKS - now["refunded"])

    def come_to_rest(self) -> None:
        """Everything is told in the end, and every refund is finished: then the money is where it belongs."""
        for _ in range(3):
            open_ = self.run(self.shop.run_sql("SELECT id FROM refunds WHERE state = :open", open=RefundState.OPEN))
            for row in open_:
                self.run(self.shop.finish_refund(row["id"]))
            for sale in self.made:
                self.look(sale)
                for body in reversed(sale.told):
                    self.run(hear(self.shop, body))
        user = self.run(self.shop.services.users.get(self.buyer.id))
        expected = FIRST_CREDITS - self.spent + sum(sale.net_credits for sale in self.made)
        assert user.credits - user.debt == expected, self.made
        for sale in self.made:
            given = self.run(
                self.shop.scalar(
                    "SELECT coalesce(max(refunded_minor), 0) FROM payments WHERE charge_id = :id",
                    id=sale.order.vendor_payment_id,
                )
            )
            assert given == sale.refunded, sale
        assert self.run(self.shop.prove()) == []

    @precondition(lambda self: hasattr(self, "shop"))
    @invariant()
    def the_books_agree(self) -> None:
        assert self.run(self.shop.prove()) == []
        twice = "SELECT key FROM ledger_entries WHERE kind = 'PURCHASE' GROUP BY key HAVING count(*) > 1"
        assert self.run(self.shop.run_sql(twice)) == []


async def test_card_money_is_neither_lost_nor_doubled(database_url: str, sandbox: Sandbox) -> None:
    CardTraffic.database_url = database_url
    CardTraffic.bank_url = sandbox.url
    # The bank answers from this loop, so the machine runs beside it.
    await asyncio.to_thread(run_state_machine_as_test, CardTraffic, settings=machine_settings(examples=12, steps=30))
