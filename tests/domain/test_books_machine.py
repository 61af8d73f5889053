"""Promise 1 as a state machine: random interleavings of everything that moves credits, with a model of its own."""

import asyncio
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.core.errors import AppError
from app.domain.actors import Actor
from app.domain.generations.models import Status
from app.domain.generations.views import GenerationView
from app.domain.ports import ProviderFailed, ProviderRejected, TaskReport, TaskState
from tests.domain.machines import machine_settings
from tests.domain.shop import OPERATOR, Shop, order, shop_settings
from tests.fakes import succeeded

T = TypeVar("T")

_FREE_CREDITS = 20
_ACTIVE_LIMIT = 5
_PRICES = {"image-standard": 4, "image-pro": 10}


@dataclass
class Person:
    """What the model knows of a user."""

    id: int
    telegram_id: int
    available: int
    debt: int = 0
    held: int = 0
    banned: bool = False
    suspended: bool = False
    gone: bool = False
    open: set[Any] = field(default_factory=set)

    def receive(self, amount: int) -> None:
        """Whatever is added pays debt first."""
        repaid = min(self.debt, amount)
        self.debt -= repaid
        self.available += amount - repaid


@dataclass
class Order:
    """What the model knows of a generation."""

    person: Person
    view: GenerationView
    price: int
    count: int
    claimed: bool = False


class Books(RuleBasedStateMachine):
    """Every rule does a use case and the same to the model; the invariant compares the two and proves the books."""

    database_url = ""
    serial = 0
    people: Bundle[Person] = Bundle("people")
    orders: Bundle[Order] = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        # A loop of its own, since Hypothesis calls the rules from outside any.
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.known: list[Person] = []

    @initialize()
    def open_shop(self) -> None:
        async def open_() -> Shop:
            # The windows have tests of their own, and would make the model depend on how fast it runs.
            shop = Shop(shop_settings(self.database_url, per_minute_free=10_000, per_hour_free=10_000))
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

    # ---------------------------------------------------------------------------------------------- people

    @rule(target=people, twice=st.booleans())
    def enter(self, twice: bool) -> Person:
        type(self).serial += 1
        telegram_id = 800_000_000 + self.serial

        async def enter() -> int:
            visits = await asyncio.gather(*(self.shop.enter(telegram_id) for _ in range(1 + twice)))
            return visits[0].user.id

        person = Person(self.run(enter()), telegram_id, _FREE_CREDITS)
        self.known.append(person)
        return person

    @rule(person=people, amount=st.integers(-30, 60).filter(bool))
    def adjust(self, person: Person, amount: int) -> None:
        result = self.attempt(self.shop.services.credits.adjust(OPERATOR, person.telegram_id, amount, reason="a rule"))
        if person.gone:
            assert isinstance(result, AppError)
            assert result.code == "USER_NOT_FOUND"
        elif amount > 0:
            assert not isinstance(result, AppError)
            person.receive(amount)
        elif -amount > person.available:
            assert isinstance(result, AppError)
            assert result.code == "INSUFFICIENT_CREDITS"
        else:
            assert not isinstance(result, AppError)
            person.available += amount

    @rule(person=people, debt=st.integers(1, 15))
    def owe(self, person: Person, debt: int) -> None:
        """A debt as a refund of spent credits leaves it; the use case comes with the payments."""
        self.run(
            self.shop.run_sql(
                """
                WITH moved AS (UPDATE users SET debt = debt + :debt WHERE id = :id RETURNING id, credits, held, debt)
                INSERT INTO ledger_entries (user_id, kind, delta_available, delta_held, delta_debt, available_after,
                    held_after, debt_after, reference_type, reference_id, key, actor)
                SELECT id, 'ADJUST', 0, 0, :debt, credits, held, debt, 'test', 'debt', gen_random_uuid()::text, 'test'
                FROM moved
                """,
                id=person.id,
                debt=debt,
            )
        )
        person.debt += debt

    @precondition(lambda self: self.known)
    @rule(person=people, banned=st.booleans())
    def ban(self, person: Person, banned: bool) -> None:
        users = self.shop.services.users
        act = users.ban if banned else users.unban
        if isinstance(self.attempt(act(OPERATOR, person.telegram_id, reason="a rule")), AppError):
            assert person.gone
            return
        person.banned = banned
        person.suspended = person.suspended and banned

    @rule(person=people)
    def suspend(self, person: Person) -> None:
        until = datetime.now(UTC) + timedelta(days=1)
        users = self.shop.services.users
        if not isinstance(
            self.attempt(users.suspend(OPERATOR, person.telegram_id, until=until, reason="a rule")), AppError
        ):
            person.suspended = True

    @rule(person=people)
    def erase(self, person: Person) -> None:
        result = self.attempt(self.shop.services.accounts.erase(Actor.user(person.id)))
        assert isinstance(result, AppError) == person.gone
        if person.gone:
            return
        for key in list(person.open):
            self._settle(person, key, charged=0)
        person.available, person.gone = 0, True

    @rule(person=people)
    def come_back(self, person: Person) -> None:
        visit = self.run(self.shop.enter(person.telegram_id))
        assert (visit.user.id, visit.granted_credits) == (person.id, 0)
        person.gone = False

    # --------------------------------------------------------------------------------------------- orders

    @rule(
        target=orders,
        person=people,
        model=st.sampled_from(sorted(_PRICES)),
        count=st.integers(1, 4),
        at_once=st.integers(1, 3),
    )
    def submit(self, person: Person, model: str, count: int, at_once: int) -> Any:
        async def together() -> list[GenerationView | BaseException]:
            request = order(count=count, model_key=model)
            submit = self.shop.services.generations.submit
            return await asyncio.gather(
                *(submit(Actor.user(person.id), request) for _ in range(at_once)), return_exceptions=True
            )

        results = self.run(together())
        price = _PRICES[model] * count
        accepted = [result for result in results if isinstance(result, GenerationView)]
        refused = [result for result in results if not isinstance(result, GenerationView)]
        assert all(isinstance(result, AppError) for result in refused), refused
        assert len(accepted) == self._acceptable(person, price, at_once)
        for view in accepted:
            person.available -= price
            person.held += price
            person.open.add((view.id, price))
        return multiple(*(Order(person, view, price, count) for view in accepted))

    def _acceptable(self, person: Person, price: int, wanted: int) -> int:
        if person.banned or person.suspended or person.gone:
            return 0
        return max(
            0,
            min(
                wanted,
                person.available // price,
                _ACTIVE_LIMIT - len(person.open),
            ),
        )

    @rule(order=orders)
    def claim_and_park(self, order: Order) -> None:
        self._report(*([TaskReport(TaskState.RUNNING)] for _ in range(order.count)))
        self.run(self.shop.step(order.view))
        order.claimed = order.claimed or self._is_open(order)

    @rule(order=consumes(orders), stored=st.integers(0, 4), how=st.sampled_from(["failed", "rejected"]))
    def settle(self, order: Order, stored: int, how: str) -> None:
        """Complete, partial or failed: `stored` outputs come, the others do not."""
        if not self._is_open(order):
            return
        stored = min(stored, order.count)
        bad = ProviderFailed("no") if how == "failed" else ProviderRejected("no")
        state = TaskState.FAILED if how == "failed" else TaskState.REJECTED
        for index in range(order.count):
            self.shop.vendor.answers[index].clear()
            self.shop.vendor.reports[index].clear()
            if index < stored:
                self.shop.vendor.will_report(succeeded(), index=index)
            else:
                self.shop.vendor.will_answer(*(bad for _ in range(4)), index=index)
                self.shop.vendor.will_report(TaskReport(state), index=index)
        done = self.run(self.shop.work(order.view))
        charged = order.price * stored // order.count
        assert (done.status, done.charged_credits) == (Status.COMPLETED if stored else Status.FAILED, charged)
        self._settle(order.person, (order.view.id, order.price), charged=charged)

    @rule(order=orders, taps=st.integers(1, 2))
    def cancel(self, order: Order, taps: int) -> None:
        async def together() -> list[GenerationView | BaseException]:
            cancel = self.shop.services.generations.cancel
            who = Actor.user(order.person.id)
            return await asyncio.gather(*(cancel(who, order.view.id) for _ in range(taps)), return_exceptions=True)

        was_open = self._is_open(order)
        results = self.run(together())
        if order.person.gone or not was_open:
            assert all(isinstance(result, AppError) for result in results)
            return
        if order.claimed:
            # The vendor stops free of charge: whoever works on it next settles it.
            self._report(*([TaskReport(TaskState.RUNNING)] for _ in range(order.count)))
            assert self.run(self.shop.work(order.view)).status is Status.CANCELLED
        else:
            assert [type(result) for result in results].count(GenerationView) == 1
        self._settle(order.person, (order.view.id, order.price), charged=0)

    @rule(order=consumes(orders))
    def cancel_against_claim(self, order: Order) -> None:
        if not self._is_open(order):
            return
        self._report(*([] for _ in range(order.count)))

        async def together() -> GenerationView | None:
            cancel = self.shop.services.generations.cancel(Actor.user(order.person.id), order.view.id)
            await asyncio.gather(cancel, self.shop.step(order.view), return_exceptions=True)
            if order.person.gone:
                return None
            now = await self.shop.look(order.view)
            return await self.shop.work(now) if now.is_open else now

        done = self.run(together())
        assert done is not None
        self._settle(order.person, (order.view.id, order.price), charged=done.charged_credits)

    @rule(order=consumes(orders))
    def wait_too_long(self, order: Order) -> None:
        if not self._is_open(order) or order.claimed:
            return
        self.run(self.shop.run_sql("UPDATE generations SET start_by = now() WHERE id = :id", id=order.view.id))
        assert self.run(self.shop.work(order.view)).error_code == "GENERATION_TIMEOUT"
        self._settle(order.person, (order.view.id, order.price), charged=0)

    def _report(self, *reports: list[TaskReport]) -> None:
        for index, wanted in enumerate(reports):
            self.shop.vendor.answers[index].clear()
            self.shop.vendor.reports[index].clear()
            self.shop.vendor.will_report(*wanted, index=index)

    def _is_open(self, order: Order) -> bool:
        return (order.view.id, order.price) in order.person.open

    def _settle(self, person: Person, key: tuple[Any, int], *, charged: int) -> None:
        person.open.discard(key)
        person.held -= key[1]
        person.receive(key[1] - charged)

    # ----------------------------------------------------------------------------------------- invariants

    @invariant()
    def the_books_hold(self) -> None:
        if not self.known:
            return

        async def look() -> tuple[list[object], list[tuple[int, ...]]]:
            rows = await self.shop.run_sql(
                "SELECT id, credits, held, debt, active_generations FROM users WHERE id = ANY(:ids) ORDER BY id",
                ids=[person.id for person in self.known],
            )
            return list(await self.shop.prove()), [tuple(row.values()) for row in rows]

        breaches, found = self.run(look())
        assert breaches == []
        assert found == sorted(
            (person.id, person.available, person.held, person.debt, len(person.open)) for person in self.known
        )


def test_the_books_hold_whatever_happens_in_whatever_order(database_url: str) -> None:
    Books.database_url = database_url
    run_state_machine_as_test(Books, settings=machine_settings(examples=20, steps=25))
