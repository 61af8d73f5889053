"""Refunds take the credits back first, end in the vendor's word, and are never doubled, whoever begins them."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.core.errors import AppError
from app.domain.errors import PaymentAlreadyRefunded, PaymentNotFound, RefundExceedsBalance, ValidationFailed
from app.domain.payments.charges import ChargeOutcome, ChargeSource
from app.domain.payments.models import RefundState
from app.domain.payments.refunds import RefundService
from app.domain.payments.views import Charge
from app.domain.ports import StarsRefused, StarsUnavailable
from app.domain.users.views import UserView
from tests.domain.shop import OPERATOR, Shop, actor
from tests.domain.till import MONTH, charge_of, ordered, paid, refund_of

UPDATE = ChargeSource.UPDATE


async def refund(shop: Shop, charge: Charge, **given: Any) -> Any:
    return await shop.services.refunds.refund(OPERATOR, charge.charge_id, reason="asked for it", **given)


async def money(shop: Shop, user: UserView) -> tuple[int, int]:
    now = await shop.services.users.get(user.id)
    return now.credits, now.debt


async def test_a_refund_takes_the_credits_back_and_gives_the_stars(shop: Shop, ann: UserView) -> None:
    """Trap 9."""
    order, charge = await paid(shop, ann)
    view = await refund(shop, charge)
    assert (view.state, view.credits_taken, view.debt_added, view.amount_minor) == (RefundState.DONE, 100, 0, 100)
    assert shop.till.refunded == [charge.charge_id]
    assert await money(shop, ann) == (20, 0)
    assert (await shop.services.orders.get(actor(ann), order.id)).state == "refunded"
    assert await shop.scalar("SELECT count(*) FROM audit_log WHERE action = 'payment.refund'") == 1
    assert await shop.prove() == []


async def test_spent_credits_are_refused_unless_the_operator_insists(shop: Shop, ann: UserView) -> None:
    _, charge = await paid(shop, ann)
    await shop.services.credits.adjust(OPERATOR, ann.telegram_id or 0, -90, reason="as if spent")
    with pytest.raises(RefundExceedsBalance) as refusal:
        await refund(shop, charge)
    assert refusal.value.params == {"required": 100, "available": 30}
    view = await refund(shop, charge, insist=True)
    assert (view.credits_taken, view.debt_added) == (100, 70)
    assert await money(shop, ann) == (0, 70)
    assert await shop.prove() == []


async def test_ten_refunds_at_once_are_one(shop: Shop, ann: UserView) -> None:
    """Trap 30."""
    _, charge = await paid(shop, ann)
    results = await asyncio.gather(*(refund(shop, charge) for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(result, PaymentAlreadyRefunded) for result in results) == 9
    assert shop.till.refunded == [charge.charge_id]
    assert await money(shop, ann) == (20, 0)


async def test_what_the_vendor_refuses_is_given_back_and_can_be_tried_again(shop: Shop, ann: UserView) -> None:
    """Trap 30: the second attempt must not find the first one's key."""
    _, charge = await paid(shop, ann)
    shop.till.answers.append(StarsRefused("Bad Request: CHARGE_NOT_FOUND"))
    assert (await refund(shop, charge)).state is RefundState.REFUSED
    assert await money(shop, ann) == (120, 0)
    assert await shop.alerts() == [f"refund-failed:{charge.charge_id}"]
    assert (await refund(shop, charge)).state is RefundState.DONE
    assert await money(shop, ann) == (20, 0)
    assert await shop.prove() == []


async def test_what_was_refunded_already_is_a_success(shop: Shop, ann: UserView) -> None:
    _, charge = await paid(shop, ann)
    shop.till.answers.append(StarsRefused("CHARGE_ALREADY_REFUNDED", already_done=True))
    assert (await refund(shop, charge)).state is RefundState.DONE
    assert await money(shop, ann) == (20, 0)


async def test_an_unanswered_refund_stays_open_and_is_asked_again(shop: Shop, ann: UserView) -> None:
    """A time-out gives nothing back: the money may be on its way."""
    _, charge = await paid(shop, ann)
    shop.till.refunds_although_it_fails = True
    shop.till.answers.append(StarsUnavailable("timeout"))
    view = await refund(shop, charge)
    assert view.state is RefundState.OPEN
    assert await money(shop, ann) == (20, 0)
    with pytest.raises(PaymentAlreadyRefunded):
        await refund(shop, charge)
    await shop.run_sql("UPDATE refunds SET next_attempt_at = now() - interval '1 second'")
    [job] = await shop.services.refunds.ring_due(limit=10)
    await shop.finish_refund(UUID(job.subject))
    assert (await shop.services.refunds.get(view.id)).state is RefundState.DONE
    assert shop.till.refunded == [charge.charge_id]
    assert await shop.services.refunds.ring_due(limit=10) == []
    assert await shop.prove() == []


async def test_a_refund_that_waits_long_is_told_to_the_operator(shop: Shop, ann: UserView) -> None:
    _, charge = await paid(shop, ann)
    shop.till.answers.extend([StarsUnavailable("timeout")] * 5)
    view = await refund(shop, charge)
    for _ in range(4):
        await shop.finish_refund(view.id)
    assert await shop.alerts() == [f"refund-waiting:{charge.charge_id}"]


async def test_a_refund_on_telegrams_side_takes_the_credits_once(shop: Shop, ann: UserView) -> None:
    """Trap 9; told by the update and by the books."""
    _, charge = await paid(shop, ann)
    await asyncio.gather(*(shop.services.refunds.record_vendor_refund(refund_of(charge)) for _ in range(5)))
    assert await money(shop, ann) == (20, 0)
    assert await shop.scalar("SELECT count(*) FROM refunds") == 1
    assert await shop.scalar("SELECT state FROM refunds") == "DONE"
    with pytest.raises(PaymentAlreadyRefunded):
        await refund(shop, charge)
    assert await shop.prove() == []


async def test_telegrams_word_completes_our_open_refund(shop: Shop, ann: UserView) -> None:
    _, charge = await paid(shop, ann)
    shop.till.answers.append(StarsUnavailable("timeout"))
    view = await refund(shop, charge)
    await shop.services.refunds.record_vendor_refund(refund_of(charge))
    assert (await shop.services.refunds.get(view.id)).state is RefundState.DONE
    assert await money(shop, ann) == (20, 0)


async def test_telegrams_word_after_our_undo_takes_the_credits_after_all(shop: Shop, ann: UserView) -> None:
    _, charge = await paid(shop, ann)
    shop.till.answers.append(StarsRefused("CHARGE_NOT_FOUND"))
    await refund(shop, charge)
    await shop.services.refunds.record_vendor_refund(refund_of(charge))
    assert await money(shop, ann) == (20, 0)
    assert [row["state"] for row in await shop.run_sql("SELECT state FROM refunds ORDER BY id")] == ["REFUSED", "DONE"]
    assert await shop.prove() == []


async def test_a_refund_before_its_payment_is_remembered_and_the_payment_gives_nothing(
    shop: Shop, ann: UserView
) -> None:
    """Trap 31."""
    order = await ordered(shop, ann)
    charge = charge_of(order, ann)
    await shop.services.refunds.record_vendor_refund(refund_of(charge))
    await shop.services.refunds.record_vendor_refund(refund_of(charge))
    assert await shop.services.charges.credit(charge, source=UPDATE) is ChargeOutcome.KNOWN
    assert await money(shop, ann) == (20, 0)
    assert await shop.scalar("SELECT count(*) FROM refunds") == 0


async def test_payment_and_refund_at_the_same_moment_end_even(shop: Shop, ann: UserView) -> None:
    """Trap 31, as a race."""
    for _ in range(10):
        charge = charge_of(await ordered(shop, ann), ann)
        results = await asyncio.gather(
            shop.services.charges.credit(charge, source=UPDATE),
            shop.services.refunds.record_vendor_refund(refund_of(charge)),
            return_exceptions=True,
        )
        for result in results:
            assert not isinstance(result, BaseException), result
        await shop.services.refunds.record_vendor_refund(refund_of(charge))
        assert await money(shop, ann) == (20, 0)
    assert await shop.prove() == []


async def test_a_refund_names_the_newest_period(shop: Shop, ann: UserView) -> None:
    order = await ordered(shop, ann, "sub-monthly")
    now = await shop.scalar("SELECT clock_now()")
    for month in (1, 2):
        charge = charge_of(order, ann, charge_id="one", period_end=now + MONTH * month)
        await shop.services.charges.credit(charge, source=UPDATE)
    view = await refund(shop, charge)
    assert view.state is RefundState.DONE
    assert await shop.scalar("SELECT period_no FROM payments WHERE refunded_minor > 0") == 1
    assert (await shop.services.users.get(ann.id)).tier_until == now + MONTH + timedelta(days=1)
    [job] = await shop.services.subscriptions.ring_stops(limit=10)
    await shop.services.subscriptions.stop_renewal(UUID(job.subject))
    assert shop.till.renewals == [("one", True)]


async def test_a_refunded_subscription_takes_premium_away(shop: Shop, ann: UserView) -> None:
    _, charge = await paid(shop, ann, "sub-annual")
    assert (await shop.services.users.get(ann.id)).tier == "premium"
    await refund(shop, charge)
    assert (await shop.services.users.get(ann.id)).tier == "free"


async def test_a_refunded_gift_closes_when_it_is_unopened(shop: Shop, ann: UserView) -> None:
    bob = await shop.newcomer(700_000_002)
    order, charge = await paid(shop, ann, is_gift=True)
    assert order.gift is not None
    await refund(shop, charge)
    with pytest.raises(Exception, match="NOT_FOUND"):
        await shop.services.gifts.open(actor(bob), order.gift.id)
    assert [await money(shop, user) for user in (ann, bob)] == [(20, 0), (20, 0)]


async def test_a_refunded_gift_falls_on_whoever_took_it(shop: Shop, ann: UserView) -> None:
    bob = await shop.newcomer(700_000_002)
    order, charge = await paid(shop, ann, is_gift=True)
    assert order.gift is not None
    await shop.services.gifts.open(actor(bob), order.gift.id)
    await shop.services.credits.adjust(OPERATOR, bob.telegram_id or 0, -110, reason="as if spent")
    await shop.services.refunds.record_vendor_refund(refund_of(charge))
    assert [await money(shop, user) for user in (ann, bob)] == [(20, 0), (0, 90)]
    assert await shop.prove() == []


async def test_a_refund_needs_a_charge_and_a_reason(shop: Shop, ann: UserView) -> None:
    _, charge = await paid(shop, ann)
    with pytest.raises(PaymentNotFound):
        await shop.services.refunds.refund(OPERATOR, "nothing", reason="because")
    with pytest.raises(ValidationFailed):
        await shop.services.refunds.refund(OPERATOR, charge.charge_id, reason=" ")
    with pytest.raises(ValidationFailed):
        await refund(shop, charge, amount_minor=50)


async def test_the_payer_is_told_of_the_refund(shop: Shop, ann: UserView) -> None:
    _, charge = await paid(shop, ann)
    await refund(shop, charge)
    [notice] = await shop.run_sql("SELECT params FROM deliveries WHERE template = 'refund'")
    assert (notice["params"]["credits"], notice["params"]["debt"], notice["params"]["amount"]) == (100, 0, 100)


async def test_a_method_that_is_no_longer_configured_leaves_the_refund_open(shop: Shop, ann: UserView) -> None:
    _, charge = await paid(shop, ann)
    service: RefundService = shop.services.refunds
    vars(service)["_refunders"] = {}
    assert (await refund(shop, charge)).state is RefundState.OPEN


async def test_who_left_is_known_for_the_refund_window(shop: Shop, ann: UserView) -> None:
    _, charge = await paid(shop, ann)
    await shop.services.accounts.erase(actor(ann))
    assert (await refund(shop, charge, insist=True)).state is RefundState.DONE
    assert shop.till.refunded == [charge.charge_id]


async def test_who_left_is_forgotten_after_the_refund_window(shop: Shop, ann: UserView) -> None:
    await paid(shop, ann)
    await shop.services.accounts.erase(actor(ann))
    await shop.services.refunds.forget_payers()
    assert await shop.scalar("SELECT payer_telegram_id FROM payments") == ann.telegram_id
    await shop.advance_clock(timedelta(days=22))
    await shop.services.refunds.forget_payers()
    assert await shop.scalar("SELECT payer_telegram_id FROM payments") is None


async def test_a_payer_is_forgotten_who_is_no_user_whoever_has_the_credits(shop: Shop, ann: UserView) -> None:
    bob = await shop.newcomer(700_000_002)
    _, bobs = await paid(shop, bob)
    _, anns = await paid(shop, ann)
    orphan = replace(refund_of(bobs), charge_id="never reported", telegram_id=700_000_003)
    await shop.services.refunds.record_vendor_refund(orphan)
    await shop.run_sql("UPDATE payments SET user_id = :user WHERE charge_id = :id", user=ann.id, id=bobs.charge_id)
    await shop.services.accounts.erase(actor(bob))
    await shop.advance_clock(timedelta(days=22))
    await shop.services.refunds.forget_payers()
    payers = await shop.run_sql("SELECT charge_id, payer_telegram_id AS payer FROM payments")
    assert {row["charge_id"]: row["payer"] for row in payers} == {
        bobs.charge_id: None,
        anns.charge_id: ann.telegram_id,
        "never reported": None,
    }


async def test_a_payer_whose_refund_is_open_is_not_forgotten(shop: Shop, ann: UserView) -> None:
    _, charge = await paid(shop, ann)
    vars(shop.services.refunds)["_refunders"] = {}
    await refund(shop, charge)
    await shop.services.accounts.erase(actor(ann))
    await shop.advance_clock(timedelta(days=22))
    await shop.services.refunds.forget_payers()
    assert await shop.scalar("SELECT payer_telegram_id FROM payments") == ann.telegram_id


async def test_what_a_refused_refund_took_beside_credits_is_there_again(shop: Shop, ann: UserView) -> None:
    """A gift can be opened, and premium is in force, as if nobody had asked."""
    bob = await shop.newcomer(700_000_002)
    order, gift_charge = await paid(shop, ann, is_gift=True)
    _, year = await paid(shop, ann, "sub-annual")
    until = (await shop.services.users.get(ann.id)).tier_until
    for charge in (gift_charge, year):
        shop.till.answers.append(StarsRefused("CHARGE_NOT_FOUND"))
        assert (await refund(shop, charge)).state is RefundState.REFUSED
    assert order.gift is not None
    assert (await shop.services.gifts.open(actor(bob), order.gift.id)).credits == 100
    assert (await shop.services.users.get(ann.id)).tier_until == until
    current = await shop.services.subscriptions.find_current(actor(ann))
    assert current is not None
    assert (current.state, current.in_force) == ("ACTIVE", True)
    assert await shop.prove() == []


async def test_a_refunded_subscription_is_not_shown_as_one(shop: Shop, ann: UserView) -> None:
    _, year = await paid(shop, ann, "sub-annual")
    await refund(shop, year)
    assert await shop.services.subscriptions.find_current(actor(ann)) is None


async def test_one_process_at_a_time_asks_about_a_refund(shop: Shop, ann: UserView) -> None:
    """A bank that does not know our request's id (SBP) would pay twice."""
    _, charge = await paid(shop, ann)
    shop.till.answers.append(StarsUnavailable("timeout"))
    view = await refund(shop, charge)
    await shop.refunds_are_due()
    asked = 0
    give = shop.till.refund

    async def slowly(telegram_id: int, charge_id: str) -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.05)
        await give(telegram_id, charge_id)

    vars(shop.till)["refund"] = slowly
    await asyncio.gather(*(shop.services.refunds.finish(view.id) for _ in range(5)))
    assert asked == 1


async def test_opening_a_gift_and_refunding_it_at_once_end_without_a_deadlock(shop: Shop, ann: UserView) -> None:
    for number in range(6):
        taker = await shop.newcomer(700_000_100 + number)
        order, charge = await paid(shop, ann, is_gift=True)
        assert order.gift is not None
        results = await asyncio.gather(
            shop.services.gifts.open(actor(taker), order.gift.id),
            shop.services.refunds.record_vendor_refund(refund_of(charge)),
            return_exceptions=True,
        )
        for result in results:
            assert result is None or not isinstance(result, BaseException) or isinstance(result, AppError), result
        await shop.services.refunds.record_vendor_refund(refund_of(charge))
        assert await money(shop, taker) == (20, 0)
    assert await shop.prove() == []


async def test_a_month_after_a_refund_that_came_before_its_charge_is_credited(shop: Shop, ann: UserView) -> None:
    order = await ordered(shop, ann, "sub-monthly")
    now = await shop.scalar("SELECT clock_now()")
    first = charge_of(order, ann, charge_id="one", period_end=now + MONTH)
    await shop.services.refunds.record_vendor_refund(refund_of(first))
    second = charge_of(order, ann, charge_id="one", period_end=now + MONTH * 2)
    credit = shop.services.charges.credit
    assert await credit(first, source=UPDATE) is ChargeOutcome.KNOWN
    assert await credit(second, source=UPDATE) is ChargeOutcome.CREDITED
