"""Card payments are credited once, whatever is forged, repeated, reordered or lost (promise 5; traps 31 and 42)."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.domain.actors import Actor
from app.domain.errors import (
    Forbidden,
    PaymentMismatch,
    PromoUsed,
    ProviderUnavailable,
    RefundExceedsBalance,
    ValidationFailed,
)
from app.domain.limits.request_keys import RequestKey
from app.domain.payments.models import Method, RefundState
from app.domain.payments.views import NewOrder, OrderState, OrderView
from app.domain.ports import CardForged, Terminal
from app.domain.promotions.views import NewPromoCode
from app.domain.users.views import UserView
from app.sandbox.config import SandboxConfig
from app.sandbox.tbank.payments import TBankStatus
from tests.domain.bank import TERMINALS, TEST, Bank, card_settings, hear, ordered_by_card
from tests.domain.conftest import OpenShop
from tests.domain.shop import OPERATOR, Shop, actor
from tests.harness import ADMIN_ID, BOT_TOKEN
from tests.sandbox.rig import Sandbox, serve

STARTER_KOPECKS = 100 * 200


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    home = tmp_path_factory.mktemp("sandbox")
    config = SandboxConfig(port=0, data_dir=home, bot_token=BOT_TOKEN, tbank_terminals=TERMINALS)
    async with serve(config) as running:
        yield running


@pytest.fixture
async def bank(sandbox: Sandbox) -> Bank:
    (await sandbox.control.post("/reset")).raise_for_status()
    return Bank(sandbox)


@pytest.fixture
async def shop(open_shop: OpenShop, sandbox: Sandbox) -> Shop:
    return await open_shop(**card_settings(sandbox.url), admin_ids=(ADMIN_ID,))


def key(name: str = "k1") -> RequestKey:
    return RequestKey(name, "payments", b"body")


async def state(shop: Shop, order: OrderView) -> OrderState:
    return (await shop.services.orders.get(Actor.user(order.user_id), order.id)).state


async def money(shop: Shop, user: UserView) -> tuple[int, int]:
    now = await shop.services.users.get(user.id)
    return now.credits, now.debt


async def purchases(shop: Shop) -> list[str]:
    rows = await shop.run_sql("SELECT key FROM ledger_entries WHERE kind = 'PURCHASE' ORDER BY id")
    return [row["key"] for row in rows]


async def refused(shop: Shop) -> list[str]:
    return [row["reason"] for row in await shop.run_sql("SELECT reason FROM refused_events ORDER BY id")]


async def check(shop: Shop, order: OrderView) -> None:
    """What the sweep and a worker do when the order is due."""
    await shop.run_sql("UPDATE orders SET next_check_at = now() WHERE id = :id AND status = 'PENDING'", id=order.id)
    for job in await shop.services.card_events.ring_due(limit=10):
        await shop.services.card_events.check(UUID(job.subject))


# ------------------------------------------------------------------------------------------------------- orders


async def test_an_order_has_a_page_of_its_own_at_a_locked_price(shop: Shop, bank: Bank, ann: UserView) -> None:
    order = await ordered_by_card(shop, ann)
    (payment,) = bank.payments(order)
    assert (order.currency, order.amount_minor, order.terminal) == ("RUB", STARTER_KOPECKS, "production")
    assert order.link is not None
    assert order.link.endswith(f"/tbank/pay/{payment.slug}")
    assert order.vendor_payment_id == str(payment.payment_id)
    assert (payment.amount, payment.has_receipt) == (STARTER_KOPECKS, True)
    assert payment.notification_url == "https://shop.test/hooks/tbank"
    assert payment.success_url == f"https://shop.test/web/orders/{order.id}"
    left = payment.due_at - bank.sandbox.world.clock.now().timestamp()
    assert left == pytest.approx(24 * 3600, abs=60)


async def test_inside_telegram_there_are_no_cards(shop: Shop, bank: Bank, ann: UserView) -> None:
    with pytest.raises(Forbidden):
        await shop.services.orders.create(actor(ann), NewOrder(Method.TBANK, "pack-starter"))
    assert await shop.scalar("SELECT count(*) FROM orders") == 0


async def test_nothing_is_sold_by_card_when_cards_are_off(open_shop: OpenShop, sandbox: Sandbox) -> None:
    closed = await open_shop(**(card_settings(sandbox.url) | {"cards_enabled": False}))
    ann = await closed.newcomer()
    assert not await closed.services.terminals.sells_to(ann)
    with pytest.raises(Forbidden):
        await ordered_by_card(closed, ann)


async def test_a_lost_answer_opens_another_page_and_leaves_one(shop: Shop, bank: Bank, ann: UserView) -> None:
    await bank.fault("Init", "drop_after")
    order = await ordered_by_card(shop, ann)
    lost, found = bank.payments(order)
    assert (lost.status, found.status) == (TBankStatus.CANCELED, TBankStatus.NEW)
    assert order.vendor_payment_id == str(found.payment_id)
    assert await hear(shop, bank.told(lost)), "the closing of the lost page is told too, and ends nothing"
    assert await state(shop, order) is OrderState.PENDING


async def test_a_page_that_could_not_be_made_is_made_when_the_client_asks_again(
    shop: Shop, bank: Bank, ann: UserView
) -> None:
    await bank.fault("Init", "drop_after")
    await bank.fault("CheckOrder", "500")
    with pytest.raises(ProviderUnavailable):
        await ordered_by_card(shop, ann, request_key=key())
    await shop.run_sql("UPDATE orders SET created_at = created_at - interval '1 minute'")
    order = await ordered_by_card(shop, ann, request_key=key())
    assert order.is_repeat
    assert order.link is not None
    assert [payment.status for payment in bank.payments(order)] == ["CANCELED", "NEW"]
    assert await shop.scalar("SELECT count(*) FROM orders") == 1


async def test_one_client_key_is_one_page_however_often_it_is_sent_at_once(
    shop: Shop, bank: Bank, ann: UserView
) -> None:
    orders = await asyncio.gather(*(ordered_by_card(shop, ann, request_key=key()) for _ in range(5)))
    assert len({order.id for order in orders}) == 1
    assert len({order.link for order in orders}) == 1
    assert len(bank.payments(orders[0])) == 1


@pytest.mark.parametrize("kind", ["429", "500", "drop_before"])
async def test_without_the_bank_nothing_is_sold_and_nothing_is_lost(
    shop: Shop, bank: Bank, ann: UserView, kind: str
) -> None:
    await bank.fault("Init", kind, times=2)
    with pytest.raises(ProviderUnavailable):
        await ordered_by_card(shop, ann)
    assert await purchases(shop) == []


# ------------------------------------------------------------------------------------------------ notifications


async def test_a_paid_order_is_credited_once_and_told(shop: Shop, bank: Bank, ann: UserView) -> None:
    order = await ordered_by_card(shop, ann)
    payment = bank.pay(order)
    assert await hear(shop, bank.told(payment, TBankStatus.AUTHORIZED))
    assert await money(shop, ann) == (20, 0), "held money is not ours yet"
    assert await hear(shop, bank.told(payment))
    assert await money(shop, ann) == (120, 0)
    assert await state(shop, order) is OrderState.PAID
    assert await purchases(shop) == [f"tbank:{payment.payment_id}"]
    assert list(await shop.deliveries()) == ["payment"]
    assert await shop.prove() == []


async def test_twenty_notifications_at_once_are_one_purchase(shop: Shop, bank: Bank, ann: UserView) -> None:
    order = await ordered_by_card(shop, ann)
    payment = bank.pay(order)
    bodies = [bank.told(payment), bank.told(payment, TBankStatus.AUTHORIZED)] * 10
    random.shuffle(bodies)
    await asyncio.gather(*(hear(shop, body) for body in bodies), *(check(shop, order) for _ in range(3)))
    assert len(await purchases(shop)) == 1
    assert await money(shop, ann) == (120, 0)
    assert await shop.scalar("SELECT count(*) FROM inbox") == 2
    assert await shop.prove() == []


@pytest.mark.parametrize("forge", ["wrong password", "no token", "changed after signing", "no JSON"])
async def test_a_forgery_changes_nothing_and_the_genuine_one_still_works(
    shop: Shop, bank: Bank, ann: UserView, forge: str
) -> None:
    order = await ordered_by_card(shop, ann)
    payment = bank.payment(order)
    genuine = json.loads(bank.told(payment, TBankStatus.CONFIRMED))
    forgeries = {
        "wrong password": bank.told(payment, TBankStatus.CONFIRMED, password="guessed"),
        "no token": json.dumps({name: value for name, value in genuine.items() if name != "Token"}).encode(),
        "changed after signing": json.dumps(genuine | {"Success": False}).encode(),
        "no JSON": b"CONFIRMED",
    }
    with pytest.raises(CardForged):
        await hear(shop, forgeries[forge])
    await shop.services.card_events.record_forgery(forgeries[forge])
    assert await money(shop, ann) == (20, 0)
    assert await shop.scalar("SELECT count(*) FROM inbox") == 0
    assert await refused(shop) == ["forged"]
    assert await shop.alerts() == ["card-forged"]
    assert await hear(shop, bank.told(bank.pay(order)))
    assert await money(shop, ann) == (120, 0)


async def test_what_fits_no_order_is_refused_and_the_genuine_one_still_works(
    shop: Shop, bank: Bank, ann: UserView
) -> None:
    ben = await shop.newcomer(700_000_002)
    order, stranger = await ordered_by_card(shop, ann), await ordered_by_card(shop, ben)
    payment, confirmed = bank.payment(order), TBankStatus.CONFIRMED
    misfits = [
        bank.told(payment, confirmed, Amount=1),
        bank.told(payment, confirmed, Amount="20000.00"),
        bank.told(payment, confirmed, OrderId=str(stranger.id)),
        bank.told(payment, confirmed, OrderId=str(uuid4())),
        bank.told(payment, confirmed, OrderId="o_01"),
        bank.told(payment, confirmed, PaymentId=payment.payment_id + 1_000),
        bank.told(payment, confirmed, TerminalKey=TEST),
    ]
    for body in misfits:
        with pytest.raises(PaymentMismatch):
            await hear(shop, body)
    assert (await money(shop, ann), await money(shop, ben)) == ((20, 0), (20, 0))
    assert await shop.scalar("SELECT count(*) FROM inbox") == 0
    assert [reason.partition(":")[0] for reason in await refused(shop)] == ["mismatch"] * len(misfits)
    assert set(await shop.alerts()) == {
        f"card-mismatch:{payment.payment_id}",
        f"card-mismatch:{payment.payment_id + 1_000}",
    }
    assert await hear(shop, bank.told(bank.pay(order)))
    assert (await money(shop, ann), await money(shop, ben)) == ((120, 0), (20, 0))
    assert await shop.prove() == []


async def test_refused_events_are_kept_within_bounds(shop: Shop) -> None:
    await shop.run_sql(
        "INSERT INTO refused_events (source, reason, body) SELECT 'tbank', 'forged', 'x' FROM generate_series(1, 1200)"
    )
    await shop.services.card_events.record_forgery(b"\x00\xff" + b"y" * 100_000)
    assert await shop.scalar("SELECT count(*) FROM refused_events") == 1_000
    assert await shop.scalar("SELECT max(length(body)) FROM refused_events") < 2_100


async def test_a_fiscal_receipts_notification_is_kept_and_changes_nothing(
    shop: Shop, bank: Bank, ann: UserView
) -> None:
    payment = bank.payment(await ordered_by_card(shop, ann))
    assert await hear(shop, bank.told(payment, Status="RECEIPT", FiscalNumber=7))
    assert await hear(shop, bank.told(payment, Status="SOMETHING_NEW", OrderId="none of ours"))
    assert await shop.scalar("SELECT count(*) FROM inbox WHERE state = 'HANDLED'") == 2
    assert await money(shop, ann) == (20, 0)


async def test_a_declined_attempt_may_be_followed_by_a_paid_one(shop: Shop, bank: Bank, ann: UserView) -> None:
    order = await ordered_by_card(shop, ann)
    assert await hear(shop, bank.told(bank.decline(order)))
    assert await state(shop, order) is OrderState.PENDING
    assert await hear(shop, bank.told(bank.pay(order)))
    assert await money(shop, ann) == (120, 0)


async def test_a_payment_that_comes_after_its_order_has_ended_is_credited_all_the_same(
    shop: Shop, bank: Bank, ann: UserView
) -> None:
    order = await ordered_by_card(shop, ann)
    payment = bank.payment(order)
    assert await hear(shop, bank.told(payment, TBankStatus.DEADLINE_EXPIRED))
    assert await state(shop, order) is OrderState.FAILED
    assert await hear(shop, bank.told(payment, TBankStatus.CONFIRMED))
    assert await state(shop, order) is OrderState.PAID
    assert await money(shop, ann) == (120, 0)


# ---------------------------------------------------------------------------------------------------- the loop


async def test_a_payment_that_nobody_reported_is_found(shop: Shop, bank: Bank, ann: UserView) -> None:
    order = await ordered_by_card(shop, ann)
    await check(shop, order)
    assert await state(shop, order) is OrderState.PENDING
    payment = bank.pay(order)
    await check(shop, order)
    assert await money(shop, ann) == (120, 0)
    await hear(shop, bank.told(payment))
    assert len(await purchases(shop)) == 1, "its late notification brings nothing more"
    assert await shop.services.card_events.ring_due(limit=10) == [], "a paid order is not asked about again"


async def test_checks_come_ever_more_seldom_and_sooner_when_the_buyer_looks(
    shop: Shop, bank: Bank, ann: UserView
) -> None:
    order = await ordered_by_card(shop, ann)
    waits = []
    for _ in range(30):
        await check(shop, order)
        waits.append(await shop.scalar("SELECT extract(epoch FROM next_check_at - now())::int FROM orders"))
    assert waits[0] == pytest.approx(30, abs=2)
    assert waits == sorted(waits)
    assert waits[-1] == pytest.approx(600, abs=2)
    await shop.services.card_events.look(Actor.user(ann.id + 1), order.id)
    assert await shop.scalar("SELECT next_check_at > now() + interval '5 minutes' FROM orders"), "a stranger looked"
    await shop.services.card_events.look(actor(ann), order.id)
    assert await shop.scalar("SELECT next_check_at <= now() + interval '3 seconds' FROM orders")


async def test_an_order_that_is_never_paid_ends(shop: Shop, bank: Bank, ann: UserView) -> None:
    closed, declined = await ordered_by_card(shop, ann), await ordered_by_card(shop, ann)
    bank.decline(declined)
    await shop.advance_clock(timedelta(hours=24, minutes=5))
    bank.sandbox.world.clock._offset_seconds += 25 * 3600
    try:
        await check(shop, closed)
        await check(shop, declined)
        assert await state(shop, closed) is OrderState.FAILED, "the bank says that its page is closed"
        assert await state(shop, declined) is OrderState.EXPIRED, "an attempt may still be on its way"
        await shop.advance_clock(timedelta(hours=1))
        await check(shop, declined)
        assert await state(shop, declined) is OrderState.FAILED
    finally:
        bank.sandbox.world.clock._offset_seconds -= 25 * 3600
    assert await purchases(shop) == []


async def test_a_discount_belongs_to_one_open_page_and_is_free_when_that_is_closed(
    shop: Shop, bank: Bank, ann: UserView
) -> None:
    """A page can be paid without a checkout of ours: two pages with one single-use code would be two discounts."""
    await shop.services.promotions.create(OPERATOR, NewPromoCode("SPRING", percent=20))
    new = NewOrder(Method.TBANK, "pack-starter", promo_code="SPRING")
    first = await shop.services.orders.create(actor(ann), new, cards_allowed=True)
    assert (first.amount_minor, first.promo_percent) == (16_000, 20)
    with pytest.raises(PromoUsed):
        await shop.services.orders.create(actor(ann), new, cards_allowed=True)
    await shop.services.card_events._end(first)
    second = await shop.services.orders.create(actor(ann), new, cards_allowed=True)
    bank.pay(second)
    await check(shop, second)
    assert await state(shop, second) is OrderState.PAID
    assert [code.used for code in await shop.services.promotions.list_()] == [1]


async def test_an_order_whose_page_was_never_made_ends(shop: Shop, bank: Bank, ann: UserView) -> None:
    await bank.fault("Init", "drop_before", times=2)
    with pytest.raises(ProviderUnavailable):
        await ordered_by_card(shop, ann, request_key=key())
    (order,) = (await shop.services.orders.list_own(actor(ann))).items
    await check(shop, order)
    assert await state(shop, order) is OrderState.PENDING
    await shop.advance_clock(timedelta(hours=26))
    await check(shop, order)
    assert await state(shop, order) is OrderState.FAILED


@pytest.mark.parametrize("kind", ["500", "429", "drop_before", "drop_after"])
async def test_the_bank_away_leaves_an_order_pending(shop: Shop, bank: Bank, ann: UserView, kind: str) -> None:
    order = await ordered_by_card(shop, ann)
    bank.pay(order)
    await bank.fault("GetState", kind)
    await check(shop, order)
    assert await state(shop, order) is OrderState.PENDING
    await check(shop, order)
    assert await money(shop, ann) == (120, 0)


async def test_a_wrong_password_is_the_operators_and_costs_nobody(
    open_shop: OpenShop, sandbox: Sandbox, bank: Bank
) -> None:
    shop = await open_shop(**card_settings(sandbox.url))
    ann = await shop.newcomer()
    order = await ordered_by_card(shop, ann)
    bank.pay(order)
    broken = await open_shop(**(card_settings(sandbox.url) | {"tbank_password": "mistyped"}))
    await check(broken, order)
    assert await broken.alerts() == ["card-terminal-refused"]
    with pytest.raises(ProviderUnavailable):
        await ordered_by_card(broken, ann)
    await check(shop, order)
    assert await money(shop, ann) == (120, 0)


# -------------------------------------------------------------------------------------- a buyer deletes their data


async def sweep(shop: Shop) -> int:
    """Ask about whatever is due; returns how many orders that was."""
    jobs = await shop.services.card_events.ring_due(limit=10)
    for job in jobs:
        await shop.services.card_events.check(UUID(job.subject))
    return len(jobs)


async def make_due(shop: Shop) -> None:
    await shop.run_sql("UPDATE orders SET next_check_at = now() WHERE next_check_at IS NOT NULL")


async def test_deleting_ones_data_closes_the_open_page(shop: Shop, bank: Bank, ann: UserView) -> None:
    await shop.services.promotions.create(OPERATOR, NewPromoCode("SPRING", percent=20))
    order = await shop.services.orders.create(
        actor(ann), NewOrder(Method.TBANK, "pack-starter", promo_code="SPRING"), cards_allowed=True
    )
    await shop.services.accounts.erase(actor(ann))
    assert await shop.scalar("SELECT bound_until IS NULL FROM promo_redemptions"), "the discount is free again"
    await bank.fault("Cancel", "drop_before")
    assert await sweep(shop) == 1, "at once, not when its turn would have come"
    assert bank.payment(order).status is TBankStatus.NEW
    await make_due(shop)
    await sweep(shop)
    assert bank.payment(order).status is TBankStatus.CANCELED
    await make_due(shop)
    await sweep(shop)
    assert await state(shop, order) is OrderState.CLOSED
    await make_due(shop)
    assert await sweep(shop) == 0, "an ended page is not asked about again"


async def test_a_page_whose_address_was_lost_is_closed_with_the_rest(shop: Shop, bank: Bank, ann: UserView) -> None:
    order = await ordered_by_card(shop, ann)
    await shop.run_sql("UPDATE orders SET vendor_payment_id = NULL, link = NULL")
    await shop.services.accounts.erase(actor(ann))
    await sweep(shop)
    assert bank.payment(order).status is TBankStatus.CANCELED
    await shop.advance_clock(timedelta(hours=26))
    await make_due(shop)
    assert await sweep(shop) == 1, "another page might have been on its way"
    await make_due(shop)
    assert await sweep(shop) == 0


async def test_what_a_buyer_paid_and_nobody_told_goes_back_after_they_left(
    shop: Shop, bank: Bank, ann: UserView
) -> None:
    order = await ordered_by_card(shop, ann)
    bank.pay(order)
    await shop.services.accounts.erase(actor(ann))
    await sweep(shop)
    assert await purchases(shop) == []
    [refund_row] = await shop.run_sql("SELECT id, state, origin FROM refunds")
    await shop.services.refunds.finish(refund_row["id"])
    assert bank.payment(order).status is TBankStatus.REFUNDED
    assert await shop.scalar("SELECT state FROM refunds") == RefundState.DONE
    await make_due(shop)
    assert await sweep(shop) == 0
    assert await shop.prove() == []


async def test_the_money_of_a_paid_order_let_go_is_told_to_the_operator(shop: Shop, bank: Bank, ann: UserView) -> None:
    order = await ordered_by_card(shop, ann)
    payment = bank.pay(order)
    assert await hear(shop, bank.told(payment))
    assert await hear(shop, bank.told(payment, Status="REVERSED", PaymentId=payment.payment_id + 1_000))
    assert await shop.alerts() == [], "another page of the order was closed"
    assert await hear(shop, bank.told(payment, Status="REVERSED"))
    assert await shop.alerts() == [f"card-reversed:{payment.payment_id}"]
    assert await money(shop, ann) == (120, 0)
    assert await state(shop, order) is OrderState.PAID


# ----------------------------------------------------------------------------------------------------- refunds


async def paid(shop: Shop, bank: Bank, user: UserView) -> OrderView:
    order = await ordered_by_card(shop, user)
    assert await hear(shop, bank.told(bank.pay(order)))
    return order


async def refund(shop: Shop, order: OrderView, **given: Any) -> Any:
    assert order.vendor_payment_id is not None
    return await shop.services.refunds.refund(OPERATOR, order.vendor_payment_id, reason="asked for it", **given)


async def test_a_refund_takes_the_credits_and_gives_the_money(shop: Shop, bank: Bank, ann: UserView) -> None:
    order = await paid(shop, bank, ann)
    view = await refund(shop, order)
    assert (view.state, view.credits_taken, view.amount_minor) == (RefundState.DONE, 100, STARTER_KOPECKS)
    payment = bank.payment(order)
    assert (payment.status, payment.refunded) == (TBankStatus.REFUNDED, STARTER_KOPECKS)
    assert await hear(shop, bank.told(payment)), "the bank's own word of it"
    assert await money(shop, ann) == (20, 0)
    assert await state(shop, order) is OrderState.REFUNDED
    assert await shop.prove() == []


async def test_parts_go_back_until_nothing_is_left(shop: Shop, bank: Bank, ann: UserView) -> None:
    order = await paid(shop, bank, ann)
    for amount, credits_left in ((5_000, 95), (5_000, 70), (None, 20)):
        view = await refund(shop, order, amount_minor=amount)
        assert view.state is RefundState.DONE
        assert await hear(shop, bank.told(bank.payment(order)))
        assert await money(shop, ann) == (credits_left, 0)
    assert bank.payment(order).status is TBankStatus.REFUNDED
    assert await shop.scalar("SELECT count(*) FROM refunds") == 3
    assert await shop.prove() == []


async def test_parts_that_the_bank_gives_back_are_taken_once_each(shop: Shop, bank: Bank, ann: UserView) -> None:
    order = await paid(shop, bank, ann)
    told = [bank.told(bank.give_back(order, 5_000)), bank.told(bank.give_back(order, 5_000))]
    await asyncio.gather(*(hear(shop, body) for body in told * 3))
    assert await money(shop, ann) == (70, 0)
    last = bank.told(bank.give_back(order))
    assert await hear(shop, last)
    assert await hear(shop, told[0]), "the first one once more, late"
    assert await money(shop, ann) == (20, 0)
    assert await state(shop, order) is OrderState.REFUNDED
    assert await shop.scalar("SELECT sum(amount_minor) FROM refunds WHERE state = 'DONE'") == STARTER_KOPECKS
    assert await shop.prove() == []


async def test_a_refund_that_comes_before_its_payment(shop: Shop, bank: Bank, ann: UserView) -> None:
    """Trap 31."""
    order = await ordered_by_card(shop, ann)
    confirmed = bank.told(bank.pay(order))
    assert await hear(shop, bank.told(bank.give_back(order)))
    assert await hear(shop, confirmed)
    assert await money(shop, ann) == (20, 0)
    assert await purchases(shop) == []
    assert await shop.prove() == []


async def test_a_partial_refund_that_comes_before_its_payment(shop: Shop, bank: Bank, ann: UserView) -> None:
    order = await ordered_by_card(shop, ann)
    confirmed = bank.told(bank.pay(order))
    assert await hear(shop, bank.told(bank.give_back(order, 5_000)))
    assert await money(shop, ann) == (95, 0)
    assert await hear(shop, confirmed)
    assert await money(shop, ann) == (95, 0)
    assert await shop.prove() == []


@pytest.mark.parametrize("amount", [None, 5_000])
@pytest.mark.parametrize(("kind", "sent"), [("drop_after", True), ("drop_before", False), ("500", False)])
async def test_a_lost_cancellation_is_finished_and_never_doubled(
    shop: Shop, bank: Bank, ann: UserView, kind: str, sent: bool, amount: int | None
) -> None:
    order = await paid(shop, bank, ann)
    await bank.fault("Cancel", kind)
    view = await refund(shop, order, amount_minor=amount)
    assert view.state is RefundState.OPEN
    given = amount or STARTER_KOPECKS
    assert bank.payment(order).refunded == (given if sent else 0)
    await shop.refunds_are_due()
    await asyncio.gather(*(shop.services.refunds.finish(view.id) for _ in range(3)))
    assert (await shop.services.refunds.get(view.id)).state is RefundState.DONE
    assert bank.payment(order).refunded == given
    assert await money(shop, ann) == (120 - given // 200, 0)
    assert await shop.prove() == []


async def test_a_definite_refusal_gives_the_credits_back(shop: Shop, bank: Bank, ann: UserView) -> None:
    order = await paid(shop, bank, ann)
    await shop.run_sql("UPDATE payments SET charge_id = '5'")
    view = await shop.services.refunds.refund(OPERATOR, "5", reason="a payment that the bank does not have")
    assert view.state is RefundState.REFUSED
    assert await money(shop, ann) == (120, 0)
    assert bank.payment(order).refunded == 0
    assert await shop.alerts() == ["refund-failed:5"]
    assert await shop.prove() == []


async def test_what_the_bank_gave_back_before_we_asked_is_a_success(shop: Shop, bank: Bank, ann: UserView) -> None:
    order = await paid(shop, bank, ann)
    bank.give_back(order)
    assert (await refund(shop, order)).state is RefundState.DONE
    assert bank.payment(order).refunded == STARTER_KOPECKS
    assert await money(shop, ann) == (20, 0)


async def test_more_than_was_paid_cannot_go_back(shop: Shop, bank: Bank, ann: UserView) -> None:
    order = await paid(shop, bank, ann)
    with pytest.raises(ValidationFailed):
        await refund(shop, order, amount_minor=STARTER_KOPECKS + 1)
    results = await asyncio.gather(
        *(refund(shop, order, amount_minor=15_000) for _ in range(4)), return_exceptions=True
    )
    assert sum(not isinstance(result, BaseException) for result in results) == 1
    assert bank.payment(order).refunded == 15_000
    await shop.services.credits.adjust(OPERATOR, ann.telegram_id or 0, -30, reason="as if spent")
    with pytest.raises(RefundExceedsBalance):
        await refund(shop, order)


async def test_whoever_pays_after_leaving_gets_the_money_back(shop: Shop, bank: Bank, ann: UserView) -> None:
    order = await ordered_by_card(shop, ann)
    await shop.services.accounts.erase(actor(ann))
    assert await hear(shop, bank.told(bank.pay(order)))
    (refund_id,) = [row["id"] for row in await shop.run_sql("SELECT id FROM refunds WHERE state = 'OPEN'")]
    await shop.finish_refund(refund_id)
    assert bank.payment(order).refunded == STARTER_KOPECKS
    assert await purchases(shop) == []
    assert await shop.prove() == []


# --------------------------------------------------------------------------------------------------- terminals


async def test_the_terminal_is_switched_at_run_time_and_orders_keep_theirs(
    shop: Shop, bank: Bank, ann: UserView, open_shop: OpenShop, sandbox: Sandbox
) -> None:
    real = await ordered_by_card(shop, ann)
    await shop.services.terminals.switch(OPERATOR, Terminal.TEST, reason="a rehearsal")
    other = await open_shop(**card_settings(sandbox.url), admin_ids=(ADMIN_ID,))
    assert await other.services.terminals.current() is Terminal.TEST, "every process sees it"
    with pytest.raises(Forbidden):
        await ordered_by_card(shop, ann)
    admin = await shop.newcomer(ADMIN_ID)
    rehearsed = await ordered_by_card(shop, admin)
    assert (real.terminal, rehearsed.terminal) == ("production", "test")
    assert await hear(shop, bank.told(bank.pay(real)))
    assert await hear(shop, bank.told(bank.pay(rehearsed)))
    assert (await money(shop, ann), await money(shop, admin)) == ((120, 0), (120, 0))
    assert (await refund(shop, real)).state is RefundState.DONE
    assert await shop.scalar("SELECT count(*) FROM audit_log WHERE action = 'terminal.switch'") == 1


async def test_a_terminal_without_its_key_cannot_be_chosen(open_shop: OpenShop, sandbox: Sandbox) -> None:
    given = card_settings(sandbox.url) | {"tbank_terminal_key": "", "tbank_password": ""}
    shop = await open_shop(**given)
    assert await shop.services.terminals.current() is Terminal.TEST
    with pytest.raises(ValidationFailed):
        await shop.services.terminals.switch(OPERATOR, Terminal.PRODUCTION, reason="a slip")
    assert await shop.services.terminals.current() is Terminal.TEST
