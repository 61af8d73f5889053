"""Promises 1 and 5 as a state machine: orders, charges and refunds told twice, late, out of order and forged."""

import asyncio
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

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
from app.domain.actors import Actor
from app.domain.payments.charges import ChargeOutcome, ChargeSource
from app.domain.payments.models import RefundState
from app.domain.payments.views import Charge, OrderView
from app.domain.ports import StarsRefused, StarsUnavailable, StarTransaction
from app.domain.users.views import UserView
from tests.domain.machines import machine_settings
from tests.domain.shop import OPERATOR, Shop, shop_settings
from tests.domain.till import NOON, charge_of, ordered, refund_of, transaction_of

T = TypeVar("T")

_FREE_CREDITS = 20
_PRODUCTS = ("pack-starter", "pack-pro", "sub-annual", "gift")


@dataclass
class Person:
    """What the model knows of a user."""

    view: UserView
    available: int = _FREE_CREDITS
    debt: int = 0

    def receive(self, amount: int) -> None:
        repaid = min(self.debt, amount)
        self.debt -= repaid
        self.available += amount - repaid

    def lose(self, amount: int) -> None:
        taken = min(self.available, amount)
        self.available -= taken
        self.debt += amount - taken


@dataclass
class Sale:
    """What the model knows of an order."""

    buyer: Person
    order: OrderView
    gift: str = ""  # "", unpaid, open, taken, revoked or closed
    charges: list["Paid"] = field(default_factory=list)


@dataclass
class Paid:
    """What the model knows of a charge at Telegram."""

    sale: Sale
    charge: Charge
    payer: Person
    told: bool = False
    holder: Person | None = None  # who has its credits
    given: int = 0
    refunded: bool = False  # by our word; the money may still be on its way
    pending: bool = False  # our refund is open


class Till(RuleBasedStateMachine):
    """Every rule does a use case and the same to the model; the invariant compares the two and proves the books."""

    database_url = ""
    serial = 0
    people: Bundle[Person] = Bundle("people")
    sales: Bundle[Sale] = Bundle("sales")
    charges: Bundle[Paid] = Bundle("charges")

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.known: list[Person] = []
        self.made: list[Paid] = []

    @initialize()
    def open_shop(self) -> None:
        async def open_() -> Shop:
            shop = Shop(shop_settings(self.database_url))
            await shop.seed()
            return shop

        self.shop = self.run(open_())

    def teardown(self) -> None:
        if hasattr(self, "shop"):
            self.run(self.shop.close())
        self._runner.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def attempt(self, work: Awaitable[T]) -> T | AppError:
        async def caught() -> T | AppError:
            try:
                return await work
            except AppError as error:
                return error

        return self.run(caught())

    # ------------------------------------------------------------------------------------ people and orders

    @rule(target=people)
    def enter(self) -> Person:
        type(self).serial += 1
        person = Person(self.run(self.shop.enter(810_000_000 + self.serial)).user)
        self.known.append(person)
        return person

    @rule(person=people, amount=st.integers(1, 150))
    def spend(self, person: Person, amount: int) -> None:
        telegram_id = person.view.telegram_id or 0
        result = self.attempt(self.shop.services.credits.adjust(OPERATOR, telegram_id, -amount, reason="as if spent"))
        assert isinstance(result, AppError) == (amount > person.available)
        if not isinstance(result, AppError):
            person.available -= amount

    @rule(target=sales, buyer=people, product=st.sampled_from(_PRODUCTS))
    def order(self, buyer: Person, product: str) -> Sale:
        is_gift = product == "gift"
        order = self.run(ordered(self.shop, buyer.view, "pack-starter" if is_gift else product, is_gift=is_gift))
        return Sale(buyer, order, gift="unpaid" if is_gift else "")

    @rule(target=charges, sale=sales, payer=people)
    def pay(self, sale: Sale, payer: Person) -> Paid:
        """Telegram charges, and tells nobody yet."""
        type(self).serial += 1
        charge = charge_of(sale.order, payer.view, charge_id=f"machine-{self.serial}")
        self.shop.till.transactions.append(transaction_of(charge))
        paid = Paid(sale, charge, payer)
        sale.charges.append(paid)
        self.made.append(paid)
        return paid

    # ---------------------------------------------------------------------------------------------- reports

    @rule(paid=charges, times=st.integers(1, 4))
    def tell(self, paid: Paid, times: int) -> None:
        """The update, perhaps several times at once."""

        async def tell() -> list[ChargeOutcome]:
            credit = self.shop.services.charges.credit
            return list(await asyncio.gather(*(credit(paid.charge, source=ChargeSource.UPDATE) for _ in range(times))))

        outcomes = sorted(self.run(tell()))
        assert outcomes == sorted([self.credit(paid), *[ChargeOutcome.KNOWN] * (times - 1)])

    @rule(paid=charges)
    def forge(self, paid: Paid) -> None:
        """Another amount under a charge of its own: kept, alerted, and nothing is given."""
        type(self).serial += 1
        charge = charge_of(
            paid.sale.order,
            paid.payer.view,
            charge_id=f"forged-{self.serial}",
            amount_minor=paid.charge.amount_minor + 1,
        )
        outcome = self.run(self.shop.services.charges.credit(charge, source=ChargeSource.UPDATE))
        assert outcome is ChargeOutcome.UNKNOWN

    @rule(full=st.booleans())
    def compare(self, full: bool) -> None:
        """Telegram's books against ours: every charge and refund that nobody told is found."""
        self.run(self.shop.services.reconciliation.run(full=full))
        for paid in self.made:
            self.credit(paid)
        for paid in self.made:
            if self.is_refunded_there(paid):
                self.take_back(paid)

    # ---------------------------------------------------------------------------------------------- refunds

    @rule(paid=charges, insist=st.booleans(), answer=st.sampled_from(["yes", "lost", "unsent", "no"]))
    def refund(self, paid: Paid, insist: bool, answer: str) -> None:
        till = self.shop.till
        till.refunds_although_it_fails = answer == "lost"
        errors = {
            "yes": None,
            "lost": StarsUnavailable("lost"),
            "unsent": StarsUnavailable("away"),
            "no": StarsRefused("no"),
        }
        will_ask = paid.told and not paid.refunded and (insist or self.held_by(paid) >= paid.given)
        if will_ask:
            till.answers.append(errors[answer])
        result = self.attempt(
            self.shop.services.refunds.refund(OPERATOR, paid.charge.charge_id, reason="a rule", insist=insist)
        )
        if not will_ask:
            assert isinstance(result, AppError), result
            return
        assert not isinstance(result, AppError), result
        if answer == "no":
            assert result.state is RefundState.REFUSED
            self.undo(paid)  # and a gift that nobody has opened is there again
            return
        self.take_back(paid)
        paid.pending = answer in {"lost", "unsent"}
        assert (result.state is RefundState.OPEN) == paid.pending

    @rule()
    def finish(self) -> None:
        """The sweep asks again about whatever is open."""

        async def finish() -> None:
            for row in await self.shop.run_sql("SELECT id FROM refunds WHERE state = 'OPEN'"):
                await self.shop.finish_refund(row["id"])

        self.run(finish())
        for paid in self.made:
            paid.pending = False

    @rule(paid=charges)
    def refund_at_telegram(self, paid: Paid) -> None:
        """The user gets the money back from Telegram, which tells nobody yet."""
        if paid.charge.charge_id in self.shop.till.refunded:
            return
        self.shop.till.refunded.append(paid.charge.charge_id)
        self.shop.till.transactions.append(
            StarTransaction(
                paid.charge.charge_id,
                paid.charge.amount_minor,
                NOON,
                incoming=False,
                telegram_id=paid.payer.view.telegram_id,
                payload=paid.charge.payload,
            )
        )

    @rule(paid=charges, times=st.integers(1, 3))
    def tell_refund(self, paid: Paid, times: int) -> None:
        """`refunded_payment`, perhaps before its payment."""
        if not self.is_refunded_there(paid):
            return

        async def tell() -> None:
            record = self.shop.services.refunds.record_vendor_refund
            await asyncio.gather(*(record(refund_of(paid.charge)) for _ in range(times)))

        self.run(tell())
        self.take_back(paid)
        paid.pending = False

    # ------------------------------------------------------------------------------------------------ gifts

    @rule(sale=sales, person=people)
    def open_gift(self, sale: Sale, person: Person) -> None:
        if sale.order.gift is None:
            return
        result = self.attempt(self.shop.services.gifts.open(Actor.user(person.view.id), sale.order.gift.id))
        if person is sale.buyer:
            return
        assert isinstance(result, AppError) == (sale.gift != "open")
        if not isinstance(result, AppError):
            self.take_gift(sale, person, "taken")

    @rule(sale=sales)
    def revoke_gift(self, sale: Sale) -> None:
        if sale.order.gift is None or sale.gift == "revoked":
            return
        result = self.attempt(self.shop.services.gifts.revoke(Actor.user(sale.buyer.view.id), sale.order.gift.id))
        assert isinstance(result, AppError) == (sale.gift != "open")
        if not isinstance(result, AppError):
            self.take_gift(sale, sale.buyer, "revoked")

    # ------------------------------------------------------------------------------------------------ model

    def credit(self, paid: Paid) -> ChargeOutcome:
        if paid.told:
            return ChargeOutcome.KNOWN
        paid.told = True
        if paid.refunded:
            return ChargeOutcome.KNOWN
        if paid.sale.gift:
            if paid.sale.gift != "unpaid":
                paid.refunded = paid.pending = True
                return ChargeOutcome.REFUNDING
            paid.sale.gift = "open"
            return ChargeOutcome.CREDITED
        paid.payer.receive(paid.sale.order.credits)
        paid.holder, paid.given = paid.payer, paid.sale.order.credits
        return ChargeOutcome.CREDITED

    def take_back(self, paid: Paid) -> None:
        if paid.refunded:
            return
        paid.refunded = True
        if not paid.told:
            paid.told = True
            return
        if paid.holder is not None:
            paid.holder.lose(paid.given)
        self.close_gift(paid)

    def close_gift(self, paid: Paid) -> None:
        if paid.sale.gift == "open":
            paid.sale.gift = "closed"

    def undo(self, paid: Paid) -> None:
        """What was lost and given back: debt first, which may have moved what was owed before."""
        if paid.holder is not None:
            paid.holder.lose(paid.given)
            paid.holder.receive(paid.given)

    def take_gift(self, sale: Sale, person: Person, state: str) -> None:
        sale.gift = state
        person.receive(sale.order.credits)
        first = next(each for each in sale.charges if each.told and not each.refunded)
        first.holder, first.given = person, sale.order.credits

    def held_by(self, paid: Paid) -> int:
        return paid.holder.available if paid.holder is not None else 0

    def is_refunded_there(self, paid: Paid) -> bool:
        return paid.charge.charge_id in self.shop.till.refunded

    @precondition(lambda self: hasattr(self, "shop"))
    @invariant()
    def the_books_agree(self) -> None:
        for person in self.known:
            user = self.run(self.shop.services.users.get(person.view.id))
            assert (user.credits, user.debt) == (person.available, person.debt), person
        assert self.run(self.shop.prove()) == []
        given = self.run(
            self.shop.scalar(
                "SELECT coalesce(sum(delta_available - delta_debt), 0) FROM ledger_entries WHERE kind = 'PURCHASE'"
            )
        )
        kept = self.run(self.shop.scalar("SELECT coalesce(sum(credits), 0) FROM payments"))
        assert given == kept


def test_money_is_neither_lost_nor_doubled(database_url: str) -> None:
    Till.database_url = database_url
    run_state_machine_as_test(Till, settings=machine_settings(examples=12, steps=40))
