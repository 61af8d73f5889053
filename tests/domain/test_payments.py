"""What is paid is credited exactly once, whoever pays, however often and however late it is told (promise 5)."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.core.errors import AppError
from app.domain.actors import Actor
from app.domain.errors import (
    AlreadySubscribed,
    Forbidden,
    IdempotencyKeyReused,
    NotFound,
    PaymentConsumed,
    PaymentMismatch,
    PaymentNotFound,
    ProviderUnavailable,
    RateLimitExceeded,
    UserBanned,
    UserSuspended,
    ValidationFailed,
)
from app.domain.limits.request_keys import RequestKey
from app.domain.payments.charges import ChargeOutcome, ChargeSource
from app.domain.payments.models import Method
from app.domain.payments.views import NewOrder, OrderState
from app.domain.ports import StarsUnavailable
from app.domain.users.views import UserView
from tests.domain.conftest import OpenShop
from tests.domain.shop import OPERATOR, Shop, actor
from tests.domain.till import MONTH, NOON, charge_of, ordered, paid, query_of

UPDATE = ChargeSource.UPDATE


async def entries(shop: Shop) -> list[tuple[str, int, str]]:
    rows = await shop.run_sql("SELECT kind, delta_available, key FROM ledger_entries ORDER BY id")
    return [(row["kind"], row["delta_available"], row["key"]) for row in rows if row["kind"] != "GRANT"]


class RefusingCounter:
    """Counts nothing and refuses everything."""

    async def hit(self, *_: object, **__: object) -> bool:
        return False


# Orders


async def test_an_order_locks_price_credits_and_currency(shop: Shop, ann: UserView) -> None:
    order = await ordered(shop, ann)
    await shop.run_sql("UPDATE products SET stars = 999, credits = 1 WHERE key = 'pack-starter'")
    shop.services.catalog.forget()
    again = await shop.services.orders.get(actor(ann), order.id)
    assert (again.amount_minor, again.credits, again.currency, again.state) == (100, 100, "XTR", OrderState.PENDING)
    assert await shop.services.charges.credit(charge_of(order, ann), source=UPDATE) is ChargeOutcome.CREDITED
    assert (await shop.balances(ann.id))[0] == 120


async def test_the_row_is_there_before_its_link(shop: Shop, ann: UserView) -> None:
    order = await shop.services.orders.create(actor(ann), NewOrder(Method.STARS, "pack-pro"))
    assert order.link == "https://t.me/$invoice1"
    [invoice] = shop.till.invoices
    assert (invoice.payload, invoice.stars, invoice.recurring) == (str(order.id), 450, False)


async def test_an_order_without_a_link_gets_it_at_the_repeat(shop: Shop, ann: UserView) -> None:
    shop.till.answers.append(StarsUnavailable("away"))
    key = RequestKey("k1", "payments", b"body")
    new = NewOrder(Method.STARS, "pack-pro")
    with pytest.raises(ProviderUnavailable):
        await shop.services.orders.create(actor(ann), new, request_key=key)
    order = await shop.services.orders.create(actor(ann), new, request_key=key)
    assert order.is_repeat
    assert order.link is not None
    assert await shop.scalar("SELECT count(*) FROM orders") == 1
    with pytest.raises(IdempotencyKeyReused):
        await shop.services.orders.create(actor(ann), new, request_key=RequestKey("k1", "payments", b"other"))


@pytest.mark.parametrize(
    ("new", "refusal"),
    [
        (NewOrder(Method.STARS), ValidationFailed),
        (NewOrder(Method.STARS, "pack-pro", draft_id=uuid4()), ValidationFailed),
        (NewOrder(Method.STARS, "nothing"), NotFound),
        (NewOrder(Method.STARS, "unlock"), ValidationFailed),
        (NewOrder(Method.STARS, "pack-pro", generation_id=uuid4()), ValidationFailed),
        (NewOrder(Method.STARS, "sub-monthly", is_gift=True), ValidationFailed),
        (NewOrder(Method.STARS, draft_id=uuid4()), NotFound),
        (NewOrder(Method.TBANK, "pack-pro"), Forbidden),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused(
    shop: Shop, ann: UserView, new: NewOrder, refusal: type[AppError]
) -> None:
    with pytest.raises(refusal):
        await shop.services.orders.create(actor(ann), new)
    assert await shop.scalar("SELECT count(*) FROM orders") == 0


async def test_the_banned_order_nothing(shop: Shop, ann: UserView) -> None:
    await shop.services.users.ban(OPERATOR, ann.telegram_id or 0, reason="spam")
    with pytest.raises(UserBanned):
        await ordered(shop, ann)


async def test_an_order_is_its_buyers_alone(shop: Shop, ann: UserView) -> None:
    bob = await shop.newcomer(700_000_002)
    order = await ordered(shop, ann)
    with pytest.raises(PaymentNotFound):
        await shop.services.orders.get(actor(bob), order.id)
    assert (await shop.services.orders.list_own(actor(bob))).items == ()


async def test_orders_are_listed_newest_first_page_by_page(shop: Shop, ann: UserView) -> None:
    made = [(await ordered(shop, ann)).id for _ in range(5)]
    page = await shop.services.orders.list_own(actor(ann), limit=3)
    rest = await shop.services.orders.list_own(actor(ann), cursor=page.next_cursor, limit=3)
    assert [order.id for order in (*page.items, *rest.items)] == made[::-1]
    assert rest.next_cursor is None
    with pytest.raises(ValidationFailed):
        await shop.services.orders.list_own(actor(ann), cursor="nonsense")


# The checkout


async def test_the_checkout_lets_a_good_payment_through(shop: Shop, ann: UserView) -> None:
    order = await ordered(shop, ann)
    assert (await shop.services.checkout.approve(query_of(order, ann))).id == order.id


async def _paid(shop: Shop, ann: UserView) -> None:
    await shop.run_sql("UPDATE orders SET status = 'PAID', paid_at = now()")


async def _expired(shop: Shop, ann: UserView) -> None:
    await shop.advance_clock(timedelta(hours=25))


async def _banned(shop: Shop, ann: UserView) -> None:
    await shop.services.users.ban(OPERATOR, ann.telegram_id or 0, reason="spam")


async def _suspended(shop: Shop, ann: UserView) -> None:
    await shop.run_sql("UPDATE users SET suspended_until = now() + interval '1 hour'")


async def _too_many(shop: Shop, ann: UserView) -> None:
    vars(shop.services.orders)["_counter"] = RefusingCounter()


async def _nothing(shop: Shop, ann: UserView) -> None:
    """The query alone is wrong."""


@pytest.mark.parametrize(
    ("before", "query", "refusal"),
    [
        (_paid, {}, PaymentConsumed),
        (_expired, {}, PaymentNotFound),
        (_banned, {}, UserBanned),
        (_suspended, {}, UserSuspended),
        (_too_many, {}, RateLimitExceeded),
        (_nothing, {"amount_minor": 1}, PaymentMismatch),
        (_nothing, {"currency": "RUB"}, PaymentMismatch),
        (_nothing, {"payload": str(uuid4())}, PaymentNotFound),
        (_nothing, {"payload": "no id"}, PaymentNotFound),
    ],
)
async def test_the_checkout_refuses_what_must_not_be_paid(
    shop: Shop, ann: UserView, before: Callable[..., Any], query: dict[str, Any], refusal: type[AppError]
) -> None:
    """Traps 7 and 8."""
    order = await ordered(shop, ann)
    await before(shop, ann)
    with pytest.raises(refusal):
        await shop.services.checkout.approve(query_of(order, ann, **query))


async def test_the_checkout_refuses_a_strangers_order(shop: Shop, ann: UserView) -> None:
    """Trap 6."""
    bob = await shop.newcomer(700_000_002)
    with pytest.raises(PaymentMismatch):
        await shop.services.checkout.approve(query_of(await ordered(shop, ann), bob))


# Charges


async def test_a_charge_reported_twenty_times_at_once_by_two_processes_is_credited_once(
    shop: Shop, open_shop: OpenShop, ann: UserView
) -> None:
    """Trap 4."""
    other = await open_shop()
    charge = charge_of(await ordered(shop, ann), ann)
    outcomes = await asyncio.gather(
        *(each.services.charges.credit(charge, source=UPDATE) for each in (shop, other) for _ in range(10))
    )
    assert sorted(outcomes) == [ChargeOutcome.CREDITED, *[ChargeOutcome.KNOWN] * 19]
    assert await entries(shop) == [("PURCHASE", 100, f"stars:{charge.charge_id}:0")]
    assert (await shop.balances(ann.id))[0] == 120
    assert await shop.prove() == []
    assert (await shop.services.orders.get(actor(ann), UUID(charge.payload))).state is OrderState.PAID


async def test_a_purchase_pays_debt_first(shop: Shop, ann: UserView) -> None:
    await shop.run_sql("UPDATE users SET debt = 30")
    await paid(shop, ann)
    user = await shop.services.users.get(ann.id)
    assert (user.credits, user.debt) == (90, 0)


async def test_an_order_that_ran_out_is_credited_all_the_same_when_it_was_charged(shop: Shop, ann: UserView) -> None:
    """Trap 7: who has paid gets what they paid for."""
    order = await ordered(shop, ann)
    await shop.advance_clock(timedelta(days=3))
    assert await shop.services.charges.credit(charge_of(order, ann), source=UPDATE) is ChargeOutcome.CREDITED


async def test_a_second_charge_on_one_order_is_credited_to_its_payer(shop: Shop, ann: UserView) -> None:
    """Trap 6."""
    bob = await shop.newcomer(700_000_002)
    order, _ = await paid(shop, ann)
    assert await shop.services.charges.credit(charge_of(order, bob), source=UPDATE) is ChargeOutcome.CREDITED
    assert [(await shop.balances(user.id))[0] for user in (ann, bob)] == [120, 120]
    assert await shop.prove() == []


async def test_whoever_was_banned_since_the_checkout_still_gets_what_they_paid_for(shop: Shop, ann: UserView) -> None:
    order = await ordered(shop, ann)
    await shop.services.users.ban(OPERATOR, ann.telegram_id or 0, reason="spam")
    assert await shop.services.charges.credit(charge_of(order, ann), source=UPDATE) is ChargeOutcome.CREDITED


@pytest.mark.parametrize(
    "changed", [{"payload": str(uuid4())}, {"payload": "?"}, {"amount_minor": 99}, {"currency": "RUB"}]
)
async def test_a_charge_that_fits_no_order_is_kept_and_alerted_and_gives_nothing(
    shop: Shop, ann: UserView, changed: dict[str, Any]
) -> None:
    order = await ordered(shop, ann)
    charge = charge_of(order, ann, **changed)
    assert await shop.services.charges.credit(charge, source=UPDATE) is ChargeOutcome.UNKNOWN
    assert await shop.services.charges.credit(charge, source=UPDATE) is ChargeOutcome.KNOWN
    assert await shop.alerts() == [f"payment-unknown:{charge.charge_id}"]
    assert await entries(shop) == []
    assert await shop.scalar("SELECT amount_minor FROM payments") == charge.amount_minor
    assert (await shop.services.orders.get(actor(ann), order.id)).state is OrderState.PENDING


async def test_who_has_left_is_given_the_money_back(shop: Shop, ann: UserView) -> None:
    order = await ordered(shop, ann)
    charge = charge_of(order, ann)
    await shop.services.accounts.erase(actor(ann))
    assert await shop.services.charges.credit(charge, source=UPDATE) is ChargeOutcome.REFUNDING
    [refund] = await shop.run_sql("SELECT id FROM refunds")
    await shop.finish_refund(refund["id"])
    assert shop.till.refunded == [charge.charge_id]
    assert await shop.prove() == []


async def test_leaving_closes_what_was_ordered(shop: Shop, ann: UserView) -> None:
    order = await ordered(shop, ann)
    await shop.services.accounts.erase(actor(ann))
    assert await shop.scalar("SELECT status FROM orders WHERE id = :id", id=order.id) == "CLOSED"
    back = await shop.newcomer(ann.telegram_id or 0, credits=0)
    with pytest.raises(PaymentNotFound):
        await shop.services.checkout.approve(query_of(order, back))


async def test_the_payer_is_told(shop: Shop, ann: UserView) -> None:
    await paid(shop, ann)
    [notice] = await shop.run_sql("SELECT template, params FROM deliveries WHERE key LIKE 'payment:%'")
    assert notice["template"] == "payment"
    assert (notice["params"]["purpose"], notice["params"]["credits"], notice["params"]["balance"]) == ("pack", 100, 120)


# Subscriptions


async def test_a_subscription_gives_credits_and_premium_with_a_day_of_grace(shop: Shop, ann: UserView) -> None:
    order = await ordered(shop, ann, "sub-monthly")
    end = await shop.scalar("SELECT clock_now() + interval '30 days'")
    await shop.services.charges.credit(charge_of(order, ann, period_end=end), source=UPDATE)
    user = await shop.services.users.get(ann.id)
    assert (user.credits, user.tier, user.tier_until) == (420, "premium", end + timedelta(days=1))
    await shop.advance_clock(timedelta(days=30, hours=23))
    assert (await shop.services.users.get(ann.id)).tier == "premium"
    await shop.advance_clock(timedelta(hours=2))
    assert (await shop.services.users.get(ann.id)).tier == "free"


@pytest.mark.parametrize("form", ["same_charge", "new_charge"])
async def test_every_month_is_credited_once_whatever_its_charge_id(shop: Shop, ann: UserView, form: str) -> None:
    """Telegram does not say whether a renewal has a new charge id; both must work."""
    order = await ordered(shop, ann, "sub-monthly")
    for month in range(1, 4):
        charge_id = "one" if form == "same_charge" else f"charge-of-month-{month}"
        charge = charge_of(order, ann, charge_id=charge_id, period_end=NOON + MONTH * month)
        late = charge_of(order, ann, charge_id=charge_id, period_end=NOON + MONTH * month + timedelta(days=2))
        assert await shop.services.charges.credit(charge, source=UPDATE) is ChargeOutcome.CREDITED
        assert await shop.services.charges.credit(late, source=UPDATE) is ChargeOutcome.KNOWN
    assert (await shop.balances(ann.id))[0] == 20 + 3 * 400
    assert await shop.scalar("SELECT count(*) FROM subscriptions") == 1
    assert await shop.scalar("SELECT period_end FROM subscriptions") == NOON + MONTH * 3


async def dearer(shop: Shop) -> None:
    """The operator raises the price of a month."""
    await shop.run_sql("UPDATE products SET stars = stars + 1 WHERE key = 'sub-monthly'")
    shop.services.catalog.forget()


@pytest.mark.parametrize("product", ["sub-monthly", "sub-annual"])
async def test_premium_ordered_ten_times_at_once_is_one_bill(shop: Shop, ann: UserView, product: str) -> None:
    """Of two bills both could be paid, and those for months be renewed side by side."""
    orders = await asyncio.gather(*(ordered(shop, ann, product) for _ in range(10)))
    assert len({order.id for order in orders}) == 1
    assert sum(order.is_repeat for order in orders) == 9
    assert await shop.scalar("SELECT count(*) FROM orders") == 1


async def test_the_open_bill_for_premium_is_its_key_s_as_well_and_no_other_on_other_terms(
    shop: Shop, ann: UserView
) -> None:
    keys = [RequestKey(f"key-{number}", "payments", b"body") for number in range(2)]
    new = NewOrder(Method.STARS, "sub-monthly")
    first, again, repeated = [
        await shop.services.orders.create(actor(ann), new, request_key=key) for key in (*keys, keys[1])
    ]
    assert first.id == again.id == repeated.id
    assert first.link == again.link is not None
    bob = await shop.newcomer(700_000_002)
    assert (await ordered(shop, bob, "sub-monthly")).id != first.id
    await dearer(shop)
    changed = await ordered(shop, ann, "sub-monthly")
    assert (changed.id != first.id, changed.amount_minor) == (True, first.amount_minor + 1)
    await shop.advance_clock(timedelta(hours=25))
    assert (await ordered(shop, ann, "sub-monthly")).id not in {first.id, changed.id}


async def test_what_renews_by_itself_is_not_sold_beside_another(shop: Shop, ann: UserView) -> None:
    end = await shop.scalar("SELECT clock_now() + interval '30 days'")
    older = await ordered(shop, ann, "sub-monthly")
    await dearer(shop)
    order = await ordered(shop, ann, "sub-monthly")
    await shop.services.checkout.approve(query_of(older, ann))
    await shop.services.charges.credit(charge_of(order, ann, period_end=end), source=UPDATE)
    with pytest.raises(AlreadySubscribed):
        await ordered(shop, ann, "sub-monthly")
    with pytest.raises(AlreadySubscribed):
        await shop.services.checkout.approve(query_of(older, ann))
    # A year is paid once, and adds up.
    assert (await ordered(shop, ann, "sub-annual")).recurring is False
    await shop.services.subscriptions.cancel(actor(ann))
    await shop.services.checkout.approve(query_of(older, ann))
    assert (await ordered(shop, ann, "sub-monthly")).recurring is True


async def test_a_year_is_one_payment_and_years_add_up(shop: Shop, ann: UserView) -> None:
    await paid(shop, ann, "sub-annual")
    await paid(shop, ann, "sub-annual")
    days = await shop.scalar("SELECT extract(epoch FROM premium_until - clock_now()) / 86400 FROM users")
    assert 730.9 < days <= 731
    assert (await shop.balances(ann.id))[0] == 10_020


async def test_what_the_operator_gave_is_not_taken_by_a_subscriptions_end(shop: Shop, ann: UserView) -> None:
    await shop.services.users.set_tier(OPERATOR, ann.telegram_id or 0, tier="vip", until=None, reason="a friend")
    order = await ordered(shop, ann, "sub-monthly")
    end = await shop.scalar("SELECT clock_now() + interval '30 days'")
    await shop.services.charges.credit(charge_of(order, ann, period_end=end), source=UPDATE)
    assert (await shop.services.users.get(ann.id)).tier == "vip"
    await shop.advance_clock(timedelta(days=60))
    assert (await shop.services.users.get(ann.id)).tier == "vip"


async def test_cancelling_asks_telegram_and_premium_lasts_until_the_end(shop: Shop, ann: UserView) -> None:
    order = await ordered(shop, ann, "sub-monthly")
    end = await shop.scalar("SELECT clock_now() + interval '30 days'")
    charge = charge_of(order, ann, period_end=end)
    await shop.services.charges.credit(charge, source=UPDATE)
    services = shop.services.subscriptions
    assert (await services.cancel(actor(ann))).state == "CANCELED"
    assert (await services.resume(actor(ann))).state == "ACTIVE"
    assert shop.till.renewals == [(charge.charge_id, True), (charge.charge_id, False)]
    shop.till.answers.append(StarsUnavailable("away"))
    with pytest.raises(ProviderUnavailable):
        await services.cancel(actor(ann))
    current = await services.find_current(actor(ann))
    assert current is not None
    assert current.state == "ACTIVE"
    with pytest.raises(NotFound):
        await services.cancel(actor(await shop.newcomer(700_000_002)))


async def test_the_end_of_a_period_is_announced_once_three_days_before(shop: Shop, ann: UserView) -> None:
    order = await ordered(shop, ann, "sub-monthly")
    end = await shop.scalar("SELECT clock_now() + interval '30 days'")
    await shop.services.charges.credit(charge_of(order, ann, period_end=end), source=UPDATE)
    assert await shop.services.subscriptions.warn_of_ends(limit=10) == 0
    await shop.advance_clock(timedelta(days=27, hours=1))
    assert [await shop.services.subscriptions.warn_of_ends(limit=10) for _ in range(2)] == [1, 0]
    [notice] = await shop.run_sql("SELECT params FROM deliveries WHERE template = 'subscription_ending'")
    assert notice["params"]["renews"] is True


async def test_leaving_stops_the_renewal(shop: Shop, ann: UserView) -> None:
    order = await ordered(shop, ann, "sub-monthly")
    charge = charge_of(order, ann)
    await shop.services.charges.credit(charge, source=UPDATE)
    await shop.run_sql("UPDATE subscriptions SET state = 'ACTIVE'")
    await shop.services.accounts.erase(actor(ann))
    [job] = await shop.services.subscriptions.ring_stops(limit=10)
    shop.till.answers.append(StarsUnavailable("away"))
    await shop.services.subscriptions.stop_renewal(UUID(job.subject))
    assert len(await shop.services.subscriptions.ring_stops(limit=10)) == 1
    await shop.services.subscriptions.stop_renewal(UUID(job.subject))
    assert shop.till.renewals == [(charge.charge_id, True)]
    assert await shop.services.subscriptions.ring_stops(limit=10) == []


# Gifts


async def test_a_gift_goes_to_its_first_opener(shop: Shop, ann: UserView) -> None:
    others = [await shop.newcomer(700_000_010 + number) for number in range(5)]
    order, _ = await paid(shop, ann, is_gift=True)
    assert order.gift is not None
    assert (await shop.balances(ann.id))[0] == 20
    gift_id = order.gift.id
    assert (await shop.services.gifts.open(actor(ann), gift_id)).is_own

    async def open_(user: UserView) -> str:
        try:
            await shop.services.gifts.open(actor(user), gift_id)
        except PaymentConsumed:
            return "late"
        return "first"

    outcomes = await asyncio.gather(*(open_(user) for user in others))
    assert sorted(outcomes) == ["first", *["late"] * 4]
    assert sorted([(await shop.balances(user.id))[0] for user in others]) == [20, 20, 20, 20, 120]
    with pytest.raises(PaymentConsumed):
        await shop.services.gifts.revoke(actor(ann), gift_id)
    assert await shop.prove() == []


async def test_an_unopened_gift_can_be_taken_back_by_its_buyer_alone(shop: Shop, ann: UserView) -> None:
    bob = await shop.newcomer(700_000_002)
    order, _ = await paid(shop, ann, is_gift=True)
    assert order.gift is not None
    with pytest.raises(NotFound):
        await shop.services.gifts.revoke(actor(bob), order.gift.id)
    await asyncio.gather(
        *(shop.services.gifts.revoke(actor(ann), order.gift.id) for _ in range(2)), return_exceptions=True
    )
    assert (await shop.balances(ann.id))[0] == 120
    with pytest.raises(PaymentConsumed):
        await shop.services.gifts.open(actor(bob), order.gift.id)


async def test_an_unpaid_gift_is_nobodys(shop: Shop, ann: UserView) -> None:
    bob = await shop.newcomer(700_000_002)
    order = await ordered(shop, ann, is_gift=True)
    assert order.gift is not None
    for opening in (shop.services.gifts.open(actor(bob), order.gift.id), shop.services.gifts.open(actor(bob), uuid4())):
        with pytest.raises(NotFound):
            await opening


async def test_a_second_charge_on_a_gift_is_given_back(shop: Shop, ann: UserView) -> None:
    order, _ = await paid(shop, ann, is_gift=True)
    second = charge_of(order, ann)
    assert await shop.services.charges.credit(second, source=UPDATE) is ChargeOutcome.REFUNDING
    [refund] = await shop.run_sql("SELECT id FROM refunds")
    await shop.finish_refund(refund["id"])
    assert shop.till.refunded == [second.charge_id]
    assert (await shop.services.gifts.list_own(Actor.user(ann.id)))[0].state == "OPEN"


async def test_cancelling_cancels_every_subscription_that_renews(shop: Shop, ann: UserView) -> None:
    """Telegram lets a user hold several at once: here two were paid at the same moment, on both sides of a price."""
    end = await shop.scalar("SELECT clock_now() + interval '30 days'")
    first = await ordered(shop, ann, "sub-monthly")
    await dearer(shop)
    charges = [charge_of(order, ann, period_end=end) for order in (first, await ordered(shop, ann, "sub-monthly"))]
    for charge in charges:
        await shop.services.charges.credit(charge, source=UPDATE)
    await shop.services.subscriptions.cancel(actor(ann))
    assert sorted(shop.till.renewals) == sorted((charge.charge_id, True) for charge in charges)
    assert await shop.scalar("SELECT count(*) FROM subscriptions WHERE state = 'ACTIVE'") == 0


async def test_whose_renewal_has_failed_is_stopped_as_well_when_they_leave(shop: Shop, ann: UserView) -> None:
    end = await shop.scalar("SELECT clock_now() + interval '30 days'")
    await shop.services.charges.credit(
        charge_of(await ordered(shop, ann, "sub-monthly"), ann, period_end=end), source=UPDATE
    )
    await shop.run_sql("UPDATE subscriptions SET state = 'FAILED'")
    await shop.services.accounts.erase(actor(ann))
    assert len(await shop.services.subscriptions.ring_stops(limit=10)) == 1


async def test_the_second_word_of_an_opened_gift_says_the_same(shop: Shop, ann: UserView) -> None:
    bob = await shop.newcomer(700_000_002)
    order, _ = await paid(shop, ann, is_gift=True)
    assert order.gift is not None
    opened = [await shop.services.gifts.open(actor(bob), order.gift.id) for _ in range(2)]
    assert [each.credits for each in opened] == [100, 100]
    assert (await shop.balances(bob.id))[0] == 120


async def test_a_user_has_so_many_unpaid_orders_in_stars_and_no_more(shop: Shop, ann: UserView) -> None:
    await paid(shop, ann)
    for _ in range(30):
        await ordered(shop, ann)
    with pytest.raises(RateLimitExceeded) as refused:
        await ordered(shop, ann)
    assert 0 < int(str(refused.value.params["retry_after"])) <= 86_400
    await ordered(shop, await shop.newcomer(700_000_002))
    await shop.advance_clock(timedelta(hours=24, minutes=1))
    await ordered(shop, ann)


async def test_unpaid_orders_are_deleted_a_week_after_they_expired(shop: Shop, ann: UserView) -> None:
    kept, _ = await paid(shop, ann, is_gift=True)
    await ordered(shop, ann)
    await ordered(shop, ann, is_gift=True)
    await shop.advance_clock(timedelta(days=8) - timedelta(minutes=1))
    assert await shop.services.orders.purge() == 0
    await shop.advance_clock(timedelta(minutes=2))
    fresh = await ordered(shop, ann)
    assert [await shop.services.orders.purge(limit=1) for _ in range(3)] == [1, 1, 0]
    assert {row["id"] for row in await shop.run_sql("SELECT id FROM orders")} == {kept.id, fresh.id}
    assert [row["state"] for row in await shop.run_sql("SELECT state FROM gifts")] == ["OPEN"]
