"""Promo codes, rewards, free ones, unlocks and paid drafts in any order and side by side: nothing is given twice.

What must hold is asked of the rows after every step, so that no model has to repeat the product's decisions.
"""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.core.errors import AppError
from app.core.ids import shorten_number
from app.domain.actors import Actor
from app.domain.generations.models import Funding, Origin
from app.domain.generations.requests import NewDraft
from app.domain.generations.views import DraftView, GenerationView
from app.domain.payments.charges import ChargeSource
from app.domain.payments.models import Method
from app.domain.payments.views import Charge, NewOrder, OrderView
from app.domain.ports import ProviderFailed, StarsRefused
from app.domain.promotions.views import NewPromoCode
from app.domain.users.service import TelegramIdentity
from app.domain.users.views import UserView
from tests.domain.machines import machine_settings
from tests.domain.shop import OPERATOR, Shop, order, shop_settings
from tests.domain.till import charge_of, query_of, refund_of

T = TypeVar("T")

# The fewer they are, the more happens to each of them.
_MOST_PEOPLE = 4
_CODES = ("MONEY", "TWICE", "THIRD")

_BROKEN_RULES = {
    "a code was redeemed more often than it may be": """
        SELECT c.code FROM promo_codes c WHERE c.credits IS NOT NULL AND c.used > c.total
    """,
    "somebody redeemed a code more often than they may": """
        SELECT c.code FROM promo_codes c JOIN promo_redemptions r ON r.code = c.code
        WHERE r.state <> 'CLAIMED' AND c.credits IS NOT NULL
        GROUP BY c.code, c.per_user, r.user_id HAVING count(*) > c.per_user
    """,
    "what was redeemed and what was granted differ": """
        SELECT c.code FROM promo_codes c WHERE c.credits IS NOT NULL AND c.used <> (
            SELECT count(*) FROM ledger_entries e WHERE e.reference_type = 'promo' AND e.reference_id = c.code)
    """,
    "a reward was paid more than once, or not taken back": """
        SELECT r.invitee_id FROM referrals r WHERE (
            SELECT coalesce(sum(e.delta_available - e.delta_debt), 0) FROM ledger_entries e
            WHERE e.reference_type = 'referral' AND e.reference_id = r.invitee_id::text
        ) <> CASE WHEN r.state IN ('PAID', 'RECLAIMING') THEN r.reward ELSE 0 END
    """,
    "a draft was started twice": """
        SELECT draft_id FROM generations WHERE draft_id IS NOT NULL GROUP BY draft_id HAVING count(*) > 1
    """,
    "a payment started a generation that is not its own": """
        SELECT o.id FROM orders o LEFT JOIN generations g ON g.id = o.consumed_by
        WHERE o.consumed_by IS NOT NULL AND (g.id IS NULL OR g.draft_id <> o.draft_id)
    """,
    "a picture was unlocked and paid for twice": """
        SELECT g.id FROM generations g WHERE (
            SELECT count(*) FROM ledger_entries e WHERE e.kind = 'SPEND' AND e.reference_id = g.id::text)
            + (SELECT count(*) FROM payments p JOIN orders o ON o.id = p.order_id
               WHERE o.purpose = 'unlock' AND p.generation_id = g.id) > 1
    """,
    "a picture is clean that nobody has paid for": """
        SELECT g.id FROM generations g JOIN generation_outputs t ON t.generation_id = g.id
        WHERE g.funding = 'free' AND NOT t.watermarked
            AND NOT EXISTS (SELECT 1 FROM ledger_entries e WHERE e.kind = 'SPEND' AND e.reference_id = g.id::text)
            AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.generation_id = g.id)
    """,
    "more free ones in a day than there are": """
        SELECT user_id FROM generations WHERE funding = 'free' AND status NOT IN ('FAILED', 'CANCELLED')
        GROUP BY user_id, date_trunc('day', created_at, 'UTC') HAVING count(*) > 1
    """,
    "money went back twice, or while its credits stay": """
        SELECT p.id FROM payments p WHERE (
            SELECT coalesce(sum(r.amount_minor), 0) FROM refunds r WHERE r.payment_id = p.id AND r.state <> 'REFUSED'
        ) > p.amount_minor OR (p.refunded_minor = p.amount_minor AND p.clawed_credits <> p.credits)
    """,
}


class Favours(RuleBasedStateMachine):
    """Every rule does use cases, some side by side; refusals are as good as successes."""

    database_url = ""
    serial = 0
    people: Bundle[UserView] = Bundle("people")
    drafts: Bundle[tuple[UserView, DraftView]] = Bundle("drafts")
    orders: Bundle[tuple[UserView, OrderView]] = Bundle("orders")
    charges: Bundle[Charge] = Bundle("charges")
    works: Bundle[GenerationView] = Bundle("works")

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.entered = 0

    @initialize()
    def open_shop(self) -> None:
        async def open_() -> Shop:
            shop = Shop(
                shop_settings(
                    self.database_url, pay_and_go_money_back=True, per_minute_free=10_000, per_hour_free=10_000
                )
            )
            await shop.seed()
            for number, code in enumerate(_CODES, start=1):
                name = code + shorten_number(self.serial)
                new = NewPromoCode(name, credits=10, total=2 * number, per_user=number)
                if code == "THIRD":
                    new = NewPromoCode(name, percent=30, total=2)
                await shop.services.promotions.create(OPERATOR, new)
            return shop

        type(self).serial += 1
        self.suffix = shorten_number(self.serial).upper()
        self.shop = self._runner.run(open_())

    def teardown(self) -> None:
        if hasattr(self, "shop"):
            self.rest()
            self.nothing_is_given_twice()
            self._runner.run(self.shop.close())
        self._runner.close()

    def together(self, *works: Coroutine[Any, Any, T]) -> list[T]:
        """What came of use cases that run side by side; refusals are left out."""

        async def run() -> list[T | BaseException]:
            return await asyncio.gather(*works, return_exceptions=True)

        results = self._runner.run(run())
        for result in results:
            assert not isinstance(result, BaseException) or isinstance(result, AppError), result
        return [result for result in results if not isinstance(result, BaseException)]

    # --------------------------------------------------------------------------------------------- people

    @precondition(lambda self: self.entered < _MOST_PEOPLE)
    @rule(target=people)
    def enter(self) -> UserView:
        type(self).serial += 1
        self.entered += 1
        return self._runner.run(self.shop.enter(820_000_000 + self.serial)).user

    @precondition(lambda self: self.entered < _MOST_PEOPLE)
    @rule(target=people, inviter=people)
    def invite(self, inviter: UserView) -> UserView:
        type(self).serial += 1
        self.entered += 1
        who = TelegramIdentity(820_000_000 + self.serial, "Ben", None, "en")
        enter = self.shop.services.accounts.enter
        start = f"ref_{shorten_number(inviter.id)}"
        return self.together(enter(who, start_param=start), enter(who, start_param=start))[0].user

    @rule(person=people, code=st.sampled_from(_CODES), taps=st.integers(1, 3))
    def redeem(self, person: UserView, code: str, taps: int) -> None:
        redeem = self.shop.services.promotions.redeem
        self.together(*(redeem(Actor.user(person.id), code + self.suffix) for _ in range(taps)))

    @rule(person=people, banned=st.sampled_from([True, False, False]))
    def ban(self, person: UserView, banned: bool) -> None:
        users = self.shop.services.users
        self.together((users.ban if banned else users.unban)(OPERATOR, person.telegram_id or 0, reason="a rule"))

    @rule(person=people, leaves=st.sampled_from([True, False, False, False]))
    def erase(self, person: UserView, leaves: bool) -> None:
        if not leaves:
            return
        self.together(self.shop.services.accounts.erase(Actor.user(person.id)))

    @rule(days=st.sampled_from([1, 11, 30]))
    def wait(self, days: int) -> None:
        self._runner.run(self.shop.advance_clock(timedelta(days=days)))

    # --------------------------------------------------------------------------------------------- orders

    @rule(target=drafts, person=people)
    def draw(self, person: UserView) -> Any:
        made = self.together(self.shop.services.drafts.create(Actor.user(person.id), NewDraft("a red kite", count=2)))
        return multiple(*((person, draft) for draft in made))

    @rule(target=orders, drawn=drafts)
    def order_draft(self, drawn: tuple[UserView, DraftView]) -> Any:
        person, draft = drawn
        return self._ordered(person, NewOrder(Method.STARS, draft_id=draft.id))

    @rule(target=orders, person=people, with_code=st.booleans())
    def order_pack(self, person: UserView, with_code: bool) -> Any:
        code = f"THIRD{self.suffix}" if with_code else None
        return self._ordered(person, NewOrder(Method.STARS, "pack-starter", promo_code=code))

    @rule(target=orders, work=works)
    def order_unlock(self, work: GenerationView) -> Any:
        person = self._runner.run(self.shop.services.users.get(work.user_id))
        return self._ordered(person, NewOrder(Method.STARS, "unlock", generation_id=work.id))

    def _ordered(self, person: UserView, new: NewOrder) -> Any:
        create = self.shop.services.orders.create(Actor.user(person.id), new, wants_link=False)
        return multiple(*((person, made) for made in self.together(create)))

    @rule(target=charges, ordered=orders, times=st.integers(1, 3), asked=st.booleans())
    def pay(self, ordered: tuple[UserView, OrderView], times: int, asked: bool) -> Any:
        """Paid in Telegram, after its checkout or as if that had been long ago, and told more than once."""
        person, made = ordered
        if asked and not self.together(self.shop.services.checkout.approve(query_of(made, person))):
            return multiple()
        charge = charge_of(made, person)
        credit = self.shop.services.charges.credit
        self.together(*(credit(charge, source=ChargeSource.UPDATE) for _ in range(times)))
        return charge

    @rule(target=charges, person=people, is_gone=st.booleans())
    def buy(self, person: UserView, is_gone: bool) -> Any:
        """A pack, and for those who were invited the end of the escrow."""
        create = self.shop.services.orders.create
        bought = self.together(create(Actor.user(person.id), NewOrder(Method.STARS, "pack-starter"), wants_link=False))
        charges = [charge_of(made, person) for made in bought]
        for charge in charges:
            self.together(self.shop.services.charges.credit(charge, source=ChargeSource.UPDATE))
        if is_gone:
            self.wait(30)
            self.rest()
        return multiple(*charges)

    @rule(ordered=orders, drawn=drafts, tabs=st.integers(1, 3))
    def use_payment(self, ordered: tuple[UserView, OrderView], drawn: tuple[UserView, DraftView], tabs: int) -> None:
        start = self.shop.services.pay_and_go.start
        person, draft = drawn
        self.together(
            *(start(Actor.user(person.id), draft.id, payment_id=ordered[1].id, origin=Origin.API) for _ in range(tabs))
        )

    @rule(charge=charges, by_operator=st.booleans(), refused=st.booleans())
    def refund(self, charge: Charge, by_operator: bool, refused: bool) -> None:
        refunds = self.shop.services.refunds
        if by_operator:
            if refused:
                self.shop.till.answers.append(StarsRefused("no"))
            self.together(refunds.refund(OPERATOR, charge.charge_id, reason="a rule", insist=True))
            self.shop.till.answers.clear()
        else:
            self.together(*(refunds.record_vendor_refund(refund_of(charge)) for _ in range(2)))

    # ----------------------------------------------------------------------------------------------- work

    @rule(target=works, person=people, taps=st.integers(1, 2))
    def submit_free(self, person: UserView, taps: int) -> Any:
        submit = self.shop.services.generations.submit
        request = order(funding=Funding.FREE)
        return multiple(*self.together(*(submit(Actor.user(person.id), request) for _ in range(taps))))

    @rule(target=works, person=people)
    def make_free(self, person: UserView) -> Any:
        submit = self.shop.services.generations.submit
        made = self.together(submit(Actor.user(person.id), order(funding=Funding.FREE)))
        return multiple(*(self._runner.run(self.shop.work(view)) for view in made))

    @rule(drawn=drafts, ordered=orders)
    def start_while_it_is_paid(self, drawn: tuple[UserView, DraftView], ordered: tuple[UserView, OrderView]) -> None:
        person, draft = drawn
        payer, made = ordered
        works: list[Coroutine[Any, Any, object]] = [
            self.shop.services.drafts.start(Actor.user(person.id), draft.id, origin=Origin.BOT),
            self.shop.services.charges.credit(charge_of(made, payer), source=ChargeSource.UPDATE),
        ]
        self.together(*works)

    @rule(how=st.sampled_from(["made", "failed", "cancelled"]))
    def work(self, how: str) -> None:
        """One open generation comes to its end."""
        rows = self._runner.run(
            self.shop.run_sql(
                "SELECT id, user_id FROM generations WHERE status IN ('PENDING', 'PROCESSING') ORDER BY id LIMIT 1"
            )
        )
        for row in rows:
            who = Actor.user(row["user_id"])
            if how == "cancelled":
                self.together(self.shop.services.generations.cancel(who, row["id"]))
                continue
            for index in range(2):
                self.shop.vendor.answers[index].clear()
                if how == "failed":
                    self.shop.vendor.will_answer(*(ProviderFailed("no") for _ in range(4)), index=index)
            view = self._runner.run(self.shop.services.generations.get(who, row["id"]))
            self._runner.run(self.shop.work(view))
            for index in range(2):
                self.shop.vendor.answers[index].clear()

    @rule(work=works, ordered=orders, taps=st.integers(1, 2))
    def unlock(self, work: GenerationView, ordered: tuple[UserView, OrderView], taps: int) -> None:
        """For credits, while some order, perhaps for the same picture, is paid."""
        with_credits = self.shop.services.unlocks.with_credits
        payer, made = ordered
        works: list[Coroutine[Any, Any, object]] = [
            *(with_credits(Actor.user(work.user_id), work.id) for _ in range(taps)),
            self.shop.services.charges.credit(charge_of(made, payer), source=ChargeSource.UPDATE),
        ]
        self.together(*works)

    @rule()
    def rest(self) -> None:
        """What the worker would do by itself, twice at a time."""
        services = self.shop.services
        for job in self._runner.run(services.referrals.ring_due(limit=100)):
            self.together(*(services.referrals.settle(int(job.subject)) for _ in range(2)))
        rows = self._runner.run(self.shop.run_sql("SELECT id FROM generations WHERE money_back"))
        for row in rows:
            self.together(*(services.money_back.owe(row["id"]) for _ in range(2)))
        self._runner.run(self.shop.refunds_are_due())
        for row in self._runner.run(self.shop.run_sql("SELECT id FROM refunds WHERE state = 'OPEN'")):
            self.together(*(services.refunds.finish(row["id"]) for _ in range(2)))

    @invariant()
    def nothing_is_given_twice(self) -> None:
        if not hasattr(self, "shop"):
            return

        async def look() -> dict[str, object]:
            found: dict[str, object] = {"the books": await self.shop.prove()}
            for broken_rule, query in _BROKEN_RULES.items():
                found[broken_rule] = await self.shop.run_sql(query)
            return found

        assert {broken: rows for broken, rows in self._runner.run(look()).items() if rows} == {}


def test_nothing_is_given_twice_whatever_happens_side_by_side(database_url: str) -> None:
    Favours.database_url = database_url
    run_state_machine_as_test(Favours, settings=machine_settings(examples=10, steps=40))
