"""Telegram's own books find what no update has told us, and nothing is credited twice for it (promise 5, trap 31)."""

import asyncio
from datetime import timedelta

import pytest

from app.domain.payments.charges import ChargeOutcome, ChargeSource
from app.domain.payments.models import Method
from app.domain.payments.views import NewOrder
from app.domain.ports import StarsUnavailable, StarTransaction
from app.domain.users.views import UserView
from tests.domain.shop import Shop, actor
from tests.domain.till import MONTH, NOON, charge_of, ordered, paid, transaction_of

UPDATE = ChargeSource.UPDATE


async def test_a_charge_that_was_never_reported_is_credited_and_its_late_update_is_nothing(
    shop: Shop, ann: UserView
) -> None:
    charge = charge_of(await ordered(shop, ann), ann)
    shop.till.transactions.append(transaction_of(charge))
    report = await shop.services.reconciliation.run()
    assert (report.transactions, report.credited, report.unknown) == (1, 1, 0)
    assert await shop.services.charges.credit(charge, source=UPDATE) is ChargeOutcome.KNOWN
    assert (await shop.services.reconciliation.run()).credited == 0
    assert (await shop.balances(ann.id))[0] == 120


async def test_the_books_and_a_late_update_at_once_credit_once(shop: Shop, ann: UserView) -> None:
    charge = charge_of(await ordered(shop, ann), ann)
    shop.till.transactions.append(transaction_of(charge))
    await asyncio.gather(
        *(shop.services.reconciliation.run() for _ in range(3)),
        *(shop.services.charges.credit(charge, source=UPDATE) for _ in range(3)),
    )
    assert (await shop.balances(ann.id))[0] == 120
    assert await shop.prove() == []


async def test_a_month_in_the_books_is_the_month_of_its_update(shop: Shop, ann: UserView) -> None:
    order = await ordered(shop, ann, "sub-monthly")
    first = charge_of(order, ann, charge_id="one", period_end=NOON + MONTH)
    await shop.services.charges.credit(first, source=UPDATE)
    shop.till.transactions += [
        transaction_of(first, period=MONTH, at=NOON + timedelta(minutes=2)),
        transaction_of(first, period=MONTH, at=NOON + MONTH + timedelta(hours=5)),
    ]
    assert (await shop.services.reconciliation.run()).credited == 1
    second = charge_of(order, ann, charge_id="one", period_end=NOON + MONTH * 2)
    assert await shop.services.charges.credit(second, source=UPDATE) is ChargeOutcome.KNOWN
    assert (await shop.balances(ann.id))[0] == 820


async def test_a_refund_in_the_books_takes_the_credits(shop: Shop, ann: UserView) -> None:
    _, charge = await paid(shop, ann)
    shop.till.transactions += [
        transaction_of(charge),
        StarTransaction(charge.charge_id, 100, NOON, incoming=False, telegram_id=ann.telegram_id, payload="x"),
    ]
    report = await shop.services.reconciliation.run()
    assert (report.credited, report.refunded) == (0, 1)
    assert (await shop.services.reconciliation.run(full=True)).refunded == 0
    assert (await shop.balances(ann.id))[0] == 20


async def test_what_names_no_order_is_alerted_and_other_business_is_passed_over(shop: Shop, ann: UserView) -> None:
    shop.till.transactions += [
        StarTransaction("strange", 5, NOON, incoming=True, telegram_id=ann.telegram_id, payload="of another bot"),
        StarTransaction("withdrawal", 5_000, NOON, incoming=False, telegram_id=None, payload=None),
    ]
    report = await shop.services.reconciliation.run()
    assert (report.transactions, report.unknown, report.refunded) == (2, 1, 0)
    assert await shop.alerts() == ["payment-unknown:strange"]


async def test_every_page_is_read_and_the_next_time_only_what_is_new(shop: Shop, ann: UserView) -> None:
    order = await ordered(shop, ann)
    charges = [charge_of(order, ann, charge_id=f"c{number}") for number in range(250)]
    shop.till.transactions += [transaction_of(charge) for charge in charges[:230]]
    assert (await shop.services.reconciliation.run()).credited == 230
    shop.till.transactions += [transaction_of(charge) for charge in charges[230:]]
    report = await shop.services.reconciliation.run()
    assert (report.credited, report.transactions) == (20, 220)


async def test_an_interrupted_comparison_goes_on_where_it_was(shop: Shop, ann: UserView) -> None:
    order = await ordered(shop, ann)
    shop.till.transactions += [transaction_of(charge_of(order, ann, charge_id=f"c{n}")) for n in range(150)]
    shop.till.answers.extend([None, StarsUnavailable("away")])
    with pytest.raises(StarsUnavailable):
        await shop.services.reconciliation.run()
    assert (await shop.services.reconciliation.run()).credited == 50


async def test_one_process_an_hour_compares(shop: Shop, ann: UserView) -> None:
    reports = await asyncio.gather(*(shop.services.reconciliation.run_hourly() for _ in range(5)))
    assert sum(report is not None for report in reports) == 1
    await shop.run_sql(
        "UPDATE app_settings SET value = to_jsonb(extract(epoch FROM now()) - 3601) WHERE key = 'stars_reconciled_at'"
    )
    assert await shop.services.reconciliation.run_hourly() is not None


async def test_an_order_in_stars_has_the_till_of_telegram(shop: Shop, ann: UserView) -> None:
    order = await shop.services.orders.create(actor(ann), NewOrder(Method.STARS, "sub-monthly"))
    assert order.recurring
    assert shop.till.invoices[0].recurring


async def test_a_shorter_list_is_read_from_its_beginning(shop: Shop, ann: UserView) -> None:
    """Another bot's, after its token was changed."""
    charge = charge_of(await ordered(shop, ann), ann)
    shop.till.transactions.append(transaction_of(charge))
    await shop.run_sql("INSERT INTO app_settings (key, value) VALUES ('stars_transactions_seen', '5000')")
    assert (await shop.services.reconciliation.run()).credited == 1


async def test_what_was_not_placed_is_told_at_every_comparison(shop: Shop, ann: UserView) -> None:
    shop.till.transactions += [
        StarTransaction("free", 0, NOON, incoming=True, telegram_id=ann.telegram_id, payload="of nobody"),
        StarTransaction("strange", 5, NOON, incoming=True, telegram_id=ann.telegram_id, payload="of another bot"),
    ]
    assert [(await shop.services.reconciliation.run()).unknown for _ in range(2)] == [1, 1]
