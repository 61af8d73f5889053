"""Pay and go: one payment starts exactly its draft, once, whatever else happens to both (trap 38)."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.core.errors import AppError
from app.domain.credits import ledger
from app.domain.credits.models import EntryKind
from app.domain.errors import (
    DuplicateRequest,
    Maintenance,
    MaxActiveGenerations,
    NotFound,
    PaymentAlreadyRefunded,
    PaymentConsumed,
    PaymentMismatch,
    PaymentNotFound,
    PromptRejected,
    RateLimitExceeded,
    UserBanned,
    ValidationFailed,
)
from app.domain.generations.models import Awaits, Funding, Kind, Origin, Status
from app.domain.generations.requests import NewDraft
from app.domain.generations.views import DraftStatus, DraftView, GenerationView
from app.domain.payments.charges import ChargeOutcome, ChargeSource
from app.domain.payments.models import Method
from app.domain.payments.views import Charge, NewOrder, OrderView
from app.domain.ports import ProviderFailed, StarsRefused
from app.domain.users.views import UserView
from tests.domain.conftest import OpenShop
from tests.domain.shop import OPERATOR, Shop, actor
from tests.domain.till import charge_of, ordered, query_of, refund_of
from tests.fakes import PICTURE

UPDATE = ChargeSource.UPDATE
PRICE = 8


async def card(shop: Shop, user: UserView, *, count: int = 2, **given: Any) -> DraftView:
    return await shop.services.drafts.create(actor(user), NewDraft("a red kite", count=count, **given))


async def order_for(shop: Shop, user: UserView, draft: DraftView) -> OrderView:
    return await shop.services.orders.create(actor(user), NewOrder(Method.STARS, draft_id=draft.id), wants_link=False)


async def pay(shop: Shop, user: UserView, order: OrderView, **given: Any) -> Charge:
    charge = charge_of(order, user, **given)
    assert await shop.services.charges.credit(charge, source=UPDATE) is ChargeOutcome.CREDITED
    return charge


async def started(shop: Shop, user: UserView, draft: DraftView) -> GenerationView | None:
    now = await shop.services.drafts.get(actor(user), draft.id)
    if now.generation_id is None:
        return None
    return await shop.services.generations.get(actor(user), now.generation_id)


@pytest.mark.parametrize(
    ("new", "awaited"),
    [
        (NewDraft("", kind=Kind.EDIT), Awaits.TEXT),
        (NewDraft("a hat", kind=Kind.EDIT), Awaits.PHOTO),
        (NewDraft("", style_key="film-poster"), Awaits.TEXT),
        (NewDraft("", kind=Kind.EDIT, style_key="anime"), Awaits.PHOTO),
    ],
)
async def test_nobody_pays_for_what_still_waits_for_words_or_photos(
    shop: Shop, ann: UserView, new: NewDraft, awaited: Awaits
) -> None:
    photos = ((await shop.services.uploads.store(actor(ann), PICTURE)).id,) if awaited is Awaits.TEXT else ()
    inputs = photos if new.kind is Kind.EDIT else ()
    draft = await shop.services.drafts.create(actor(ann), replace(new, awaits=awaited, inputs=inputs))
    with pytest.raises(ValidationFailed):
        await order_for(shop, ann, draft)


async def start(shop: Shop, user: UserView, draft: DraftView, order: OrderView) -> GenerationView:
    return await shop.services.pay_and_go.start(actor(user), draft.id, payment_id=order.id, origin=Origin.API)


async def owe(shop: Shop, user: UserView, debt: int) -> None:
    """A debt as the refund of spent credits leaves it."""
    entry = ledger.Entry(EntryKind.ADJUST, f"adjust:{uuid4()}", "test", "debt", OPERATOR.label)
    async with shop.db.transaction() as tx:
        assert await ledger.claw_back(tx, user.id, debt, entry) == 0


async def kinds(shop: Shop) -> list[str]:
    rows = await shop.run_sql("SELECT kind FROM ledger_entries WHERE kind NOT IN ('GRANT', 'ADJUST') ORDER BY id")
    return [row["kind"] for row in rows]


async def fail(shop: Shop, view: GenerationView) -> GenerationView:
    for index in range(view.options.count):
        shop.vendor.will_answer(*(ProviderFailed("no") for _ in range(4)), index=index)
    return await shop.work(view)


@pytest.fixture
async def poor(shop: Shop) -> UserView:
    """A user without credits."""
    return await shop.newcomer(credits=0)


# The start


async def test_the_payment_starts_its_draft_and_nothing_is_left(shop: Shop, poor: UserView) -> None:
    draft = await card(shop, poor)
    order = await order_for(shop, poor, draft)
    assert (order.amount_minor, order.credits, order.generation_id is not None) == (PRICE, PRICE, True)
    await shop.services.checkout.approve(query_of(order, poor))
    await pay(shop, poor, order)
    view = await started(shop, poor, draft)
    assert view is not None
    assert (view.id, view.price_credits, view.status) == (order.generation_id, PRICE, Status.PENDING)
    assert await shop.balances(poor.id) == (0, PRICE, 1)
    assert await kinds(shop) == ["PURCHASE", "HOLD"]
    assert (await shop.work(view)).status is Status.COMPLETED
    assert await shop.prove() == []


async def test_a_started_one_is_rung_and_shown_in_the_chat(shop: Shop, poor: UserView) -> None:
    draft = await card(shop, poor)
    order = await order_for(shop, poor, draft)
    await pay(shop, poor, order)
    assert any(job.subject == str(order.generation_id) for job in shop.bell.jobs)
    await shop.deliver_all()
    [receipt] = [outgoing for _, outgoing in shop.telegram.sent if outgoing.template == "payment"]
    assert (receipt.params["purpose"], receipt.params["generation_id"]) == ("draft", str(order.generation_id))
    assert "progress" in shop.telegram.templates


async def test_one_charge_told_twenty_times_starts_once(shop: Shop, poor: UserView) -> None:
    draft = await card(shop, poor)
    charge = charge_of(await order_for(shop, poor, draft), poor)
    outcomes = await asyncio.gather(*(shop.services.charges.credit(charge, source=UPDATE) for _ in range(20)))
    assert outcomes.count(ChargeOutcome.CREDITED) == 1
    assert await shop.scalar("SELECT count(*) FROM generations") == 1
    assert await shop.prove() == []


async def test_no_other_tab_spends_the_credits_in_between(shop: Shop, poor: UserView) -> None:
    draft = await card(shop, poor)
    charge = charge_of(await order_for(shop, poor, draft), poor)
    results = await asyncio.gather(
        shop.services.charges.credit(charge, source=UPDATE),
        *(shop.submit(poor) for _ in range(6)),
        return_exceptions=True,
    )
    assert results[0] is ChargeOutcome.CREDITED
    assert not any(isinstance(result, GenerationView) for result in results)
    assert await started(shop, poor, draft) is not None


async def test_this_purchase_pays_no_debt(shop: Shop, poor: UserView) -> None:
    await owe(shop, poor, 50)
    draft = await card(shop, poor)
    await pay(shop, poor, await order_for(shop, poor, draft))
    assert await started(shop, poor, draft) is not None
    user = await shop.services.users.get(poor.id)
    assert (user.credits, user.held, user.debt) == (0, PRICE, 50)


async def test_what_was_paid_starts_beyond_every_limit(open_shop: OpenShop) -> None:
    shop = await open_shop(active_free=1, per_minute_free=1)
    ann = await shop.newcomer()
    draft = await card(shop, ann)
    order = await order_for(shop, ann, draft)
    await shop.submit(ann)
    await shop.services.catalog.set_maintenance(OPERATOR, enabled=True, reason="a test")
    await pay(shop, ann, order)
    assert await started(shop, ann, draft) is not None
    assert (await shop.balances(ann.id))[2] == 2


async def test_a_rate_in_stars_is_what_was_written(open_shop: OpenShop) -> None:
    shop = await open_shop(stars_per_credit="1.1")
    assert shop.services.orders.draft_amount(100, Method.STARS) == 110
    assert shop.services.orders.draft_amount(101, Method.STARS) == 112


@pytest.mark.parametrize("stars_per_credit", [0.3, 1.0, 1.5])
async def test_the_price_in_stars_is_rounded_up(open_shop: OpenShop, stars_per_credit: float) -> None:
    shop = await open_shop(stars_per_credit=stars_per_credit)
    ann = await shop.newcomer(credits=0)
    draft = await card(shop, ann, count=1)
    assert (await order_for(shop, ann, draft)).amount_minor == {0.3: 2, 1.0: 4, 1.5: 6}[stars_per_credit]


# Mere credits instead


async def test_a_banned_payer_gets_the_credits_debt_first(shop: Shop, poor: UserView) -> None:
    await owe(shop, poor, 3)
    draft = await card(shop, poor)
    order = await order_for(shop, poor, draft)
    await shop.services.users.ban(OPERATOR, 700_000_001, reason="spam")
    await pay(shop, poor, order)
    user = await shop.services.users.get(poor.id)
    assert (user.credits, user.held, user.debt) == (PRICE - 3, 0, 0)
    assert await started(shop, poor, draft) is None


async def test_a_suspended_payer_gets_the_credits(shop: Shop, poor: UserView) -> None:
    draft = await card(shop, poor)
    order = await order_for(shop, poor, draft)
    until = datetime.now(UTC) + timedelta(days=1)
    await shop.services.users.suspend(OPERATOR, 700_000_001, until=until, reason="calm")
    await pay(shop, poor, order)
    assert await shop.balances(poor.id) == (PRICE, 0, 0)


async def test_a_draft_that_was_started_otherwise_leaves_the_credits(shop: Shop, ann: UserView) -> None:
    draft = await card(shop, ann)
    order = await order_for(shop, ann, draft)
    await shop.services.drafts.start(actor(ann), draft.id, origin=Origin.BOT)
    await pay(shop, ann, order)
    assert await shop.balances(ann.id) == (20, PRICE, 1)
    assert await shop.scalar("SELECT count(*) FROM generations") == 1


async def test_a_start_for_credits_and_the_payment_at_once_are_one_generation(shop: Shop, ann: UserView) -> None:
    draft = await card(shop, ann)
    charge = charge_of(await order_for(shop, ann, draft), ann)
    results = await asyncio.gather(
        shop.services.drafts.start(actor(ann), draft.id, origin=Origin.BOT),
        shop.services.charges.credit(charge, source=UPDATE),
        return_exceptions=True,
    )
    assert results[1] is ChargeOutcome.CREDITED
    assert await shop.scalar("SELECT count(*) FROM generations") == 1
    assert sum((await shop.balances(ann.id))[:2]) == 20 + PRICE
    assert await shop.prove() == []


@pytest.mark.parametrize("gone", ["deleted", "changed"])
async def test_a_draft_that_is_gone_or_changed_leaves_the_credits(shop: Shop, poor: UserView, gone: str) -> None:
    draft = await card(shop, poor)
    order = await order_for(shop, poor, draft)
    if gone == "changed":
        await shop.services.drafts.adjust(actor(poor), draft.id, count=1)
    else:
        await shop.run_sql("DELETE FROM drafts WHERE id = :id", id=draft.id)
    await pay(shop, poor, order)
    assert await shop.balances(poor.id) == (PRICE, 0, 0)
    await shop.deliver_all()
    [receipt] = [outgoing for _, outgoing in shop.telegram.sent if outgoing.template == "payment"]
    assert (receipt.params["purpose"], receipt.params["credits"]) == ("pack", PRICE)


async def test_a_second_charge_on_the_order_is_credits(shop: Shop, poor: UserView) -> None:
    draft = await card(shop, poor)
    order = await order_for(shop, poor, draft)
    for charge_id in ("c1", "c2"):
        await pay(shop, poor, order, charge_id=charge_id)
    assert await shop.balances(poor.id) == (PRICE, PRICE, 1)
    assert await shop.prove() == []


async def test_a_draft_that_ran_out_while_it_was_paid_starts_all_the_same(shop: Shop, poor: UserView) -> None:
    draft = await card(shop, poor)
    order = await order_for(shop, poor, draft)
    await shop.advance_clock(timedelta(days=2))
    assert (await shop.services.drafts.get(actor(poor), draft.id)).status is DraftStatus.EXPIRED
    await pay(shop, poor, order)
    assert await started(shop, poor, draft) is not None


# Before the payment


async def test_whatever_would_keep_it_from_starting_is_said_when_it_is_ordered_and_at_the_checkout(
    open_shop: OpenShop,
) -> None:
    shop = await open_shop(active_free=2, per_minute_free=3)
    ann = await shop.newcomer()
    draft = await card(shop, ann)
    order = await order_for(shop, ann, draft)

    async def refused(refusal: type[AppError]) -> None:
        with pytest.raises(refusal):
            await order_for(shop, ann, draft)
        with pytest.raises(refusal):
            await shop.services.checkout.approve(query_of(order, ann))

    await shop.services.catalog.set_maintenance(OPERATOR, enabled=True, reason="a test")
    await refused(Maintenance)
    await shop.services.catalog.set_maintenance(OPERATOR, enabled=False, reason="a test")
    open_ones = [await shop.submit(ann) for _ in range(2)]
    await refused(MaxActiveGenerations)
    for view in open_ones:
        await shop.services.generations.cancel(actor(ann), view.id)
    await shop.services.checkout.approve(query_of(order, ann))
    await shop.work(await shop.submit(ann))
    await refused(RateLimitExceeded)
    await shop.services.users.ban(OPERATOR, 700_000_001, reason="spam")
    await refused(UserBanned)
    assert await shop.scalar("SELECT count(*) FROM orders") == 1


async def test_a_prompt_that_is_refused_cannot_be_paid_for(shop: Shop, ann: UserView) -> None:
    draft = await shop.services.drafts.create(actor(ann), NewDraft("child porn"))
    with pytest.raises(PromptRejected):
        await order_for(shop, ann, draft)


async def test_a_draft_changed_after_its_order_is_refused_at_the_checkout(shop: Shop, poor: UserView) -> None:
    draft = await card(shop, poor)
    order = await order_for(shop, poor, draft)
    await shop.services.drafts.adjust(actor(poor), draft.id, count=4)
    with pytest.raises(PaymentMismatch):
        await shop.services.checkout.approve(query_of(order, poor))


async def test_what_is_free_somebody_elses_or_over_cannot_be_ordered(shop: Shop, poor: UserView) -> None:
    bob = await shop.newcomer(700_000_002)
    draft = await card(shop, poor)
    with pytest.raises(NotFound):
        await order_for(shop, bob, draft)
    free = await card(shop, poor, count=1, funding=Funding.FREE)
    with pytest.raises(ValidationFailed):
        await order_for(shop, poor, free)
    await shop.advance_clock(timedelta(days=2))
    with pytest.raises(NotFound):
        await order_for(shop, poor, draft)
    await shop.services.drafts.start(actor(bob), (await card(shop, bob)).id, origin=Origin.BOT)


async def test_a_started_draft_is_not_paid_for(shop: Shop, ann: UserView) -> None:
    draft = await card(shop, ann)
    view = await shop.services.drafts.start(actor(ann), draft.id, origin=Origin.BOT)
    with pytest.raises(PaymentConsumed) as caught:
        await order_for(shop, ann, draft)
    assert caught.value.params == {"generation_id": str(view.id)}


# The second use


async def test_a_second_use_of_the_payment_names_what_it_started(shop: Shop, poor: UserView) -> None:
    draft = await card(shop, poor)
    order = await order_for(shop, poor, draft)
    await pay(shop, poor, order)
    with pytest.raises(PaymentConsumed) as caught:
        await start(shop, poor, draft, order)
    assert caught.value.params == {"generation_id": str(order.generation_id)}
    other = await card(shop, poor)
    with pytest.raises(PaymentConsumed):
        await start(shop, poor, other, order)


async def test_two_tabs_start_a_draft_on_one_unused_payment(shop: Shop, poor: UserView) -> None:
    draft = await card(shop, poor)
    order = await order_for(shop, poor, draft)
    await shop.services.users.ban(OPERATOR, 700_000_001, reason="spam")
    await pay(shop, poor, order)
    await shop.services.users.unban(OPERATOR, 700_000_001, reason="sorry")
    results = await asyncio.gather(*(start(shop, poor, draft, order) for _ in range(8)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["GenerationView"] + ["PaymentConsumed"] * 7
    assert await shop.balances(poor.id) == (0, PRICE, 1)
    assert await shop.prove() == []


async def test_tabs_and_the_payment_itself_at_once_are_one_generation(shop: Shop, poor: UserView) -> None:
    draft = await card(shop, poor)
    order = await order_for(shop, poor, draft)
    charge = charge_of(order, poor)
    results = await asyncio.gather(
        *(start(shop, poor, draft, order) for _ in range(3)),
        shop.services.charges.credit(charge, source=UPDATE),
        *(start(shop, poor, draft, order) for _ in range(3)),
        return_exceptions=True,
    )
    assert results[3] is ChargeOutcome.CREDITED
    assert all(isinstance(result, PaymentNotFound | PaymentConsumed) for at, result in enumerate(results) if at != 3)
    assert await shop.scalar("SELECT count(*) FROM generations") == 1


async def test_an_unpaid_unknown_or_foreign_payment_starts_nothing(shop: Shop, ann: UserView) -> None:
    bob = await shop.newcomer(700_000_002)
    draft = await card(shop, ann)
    order = await order_for(shop, ann, draft)
    pack = await ordered(shop, ann)
    for payment_id, user in ((order.id, ann), (uuid4(), ann), (pack.id, ann), (order.id, bob)):
        with pytest.raises(PaymentNotFound):
            await shop.services.pay_and_go.start(actor(user), draft.id, payment_id=payment_id, origin=Origin.API)


async def test_an_unused_payment_of_another_draft_does_not_fit(shop: Shop, ann: UserView) -> None:
    draft, other = await card(shop, ann), await card(shop, ann)
    order = await order_for(shop, ann, draft)
    await shop.services.drafts.start(actor(ann), draft.id, origin=Origin.BOT)
    await pay(shop, ann, order)
    with pytest.raises(PaymentMismatch):
        await start(shop, ann, other, order)
    with pytest.raises(DuplicateRequest):
        await start(shop, ann, draft, order)


async def test_a_refunded_payment_starts_nothing(shop: Shop, ann: UserView) -> None:
    draft = await card(shop, ann)
    order = await order_for(shop, ann, draft)
    await shop.services.users.ban(OPERATOR, 700_000_001, reason="spam")
    charge = await pay(shop, ann, order)
    await shop.services.users.unban(OPERATOR, 700_000_001, reason="sorry")
    await shop.services.refunds.refund(OPERATOR, charge.charge_id, reason="asked")
    with pytest.raises(PaymentAlreadyRefunded):
        await start(shop, ann, draft, order)


# When it is not made


async def test_what_was_not_made_gives_its_credits_back_debt_first(shop: Shop, poor: UserView) -> None:
    await owe(shop, poor, 3)
    draft = await card(shop, poor)
    await pay(shop, poor, await order_for(shop, poor, draft))
    view = await started(shop, poor, draft)
    assert view is not None
    assert (await fail(shop, view)).returned_credits == PRICE
    user = await shop.services.users.get(poor.id)
    assert (user.credits, user.held, user.debt) == (PRICE - 3, 0, 0)
    assert await kinds(shop) == ["PURCHASE", "HOLD", "RELEASE"]
    assert await shop.scalar("SELECT count(*) FROM refunds") == 0


@pytest.fixture
async def generous(open_shop: OpenShop) -> Shop:
    """A shop that gives the money back."""
    return await open_shop(pay_and_go_money_back=True)


async def begun(shop: Shop, *, debt: int = 0) -> tuple[UserView, GenerationView, Charge]:
    """A poor user's paid draft, started."""
    user = await shop.newcomer(credits=0)
    if debt:
        await owe(shop, user, debt)
    draft = await card(shop, user)
    charge = await pay(shop, user, await order_for(shop, user, draft))
    view = await started(shop, user, draft)
    assert view is not None
    return user, view, charge


async def work_off(shop: Shop) -> None:
    """What the worker would do with the money that is owed, three times over."""
    for _ in range(3):
        jobs = await shop.services.money_back.ring_due(limit=10)
        ids = [row["id"] for row in await shop.run_sql("SELECT id FROM generations")]
        await asyncio.gather(*(shop.services.money_back.owe(generation_id) for generation_id in ids for _ in range(3)))
        assert len(jobs) <= 1
        for row in await shop.run_sql("SELECT id FROM refunds WHERE state = 'OPEN'"):
            await shop.finish_refund(row["id"])


async def test_by_setting_the_money_itself_comes_back_once(generous: Shop) -> None:
    user, view, charge = await begun(generous, debt=3)
    done = await fail(generous, view)
    assert (done.status, done.charged_credits, done.returned_credits) == (Status.FAILED, 0, 0)
    assert await generous.prove() == []
    await work_off(generous)
    assert generous.till.refunded == [charge.charge_id]
    after = await generous.services.users.get(user.id)
    assert (after.credits, after.held, after.debt, after.active_generations) == (0, 0, 3, 0)
    assert await kinds(generous) == ["PURCHASE", "HOLD", "RETIRE"]
    assert await generous.prove() == []
    await generous.deliver_all()
    assert {"failed", "refund"} <= set(generous.telegram.templates)
    [failed] = [outgoing for _, outgoing in generous.telegram.sent if outgoing.template == "failed"]
    assert failed.params["money_back"] is True


async def test_a_cancelled_one_gives_the_money_back_too(generous: Shop) -> None:
    user, view, charge = await begun(generous)
    await generous.services.generations.cancel(actor(user), view.id)
    await work_off(generous)
    assert generous.till.refunded == [charge.charge_id]
    assert await generous.prove() == []


async def test_what_was_made_is_paid_for(generous: Shop) -> None:
    _, view, _ = await begun(generous)
    assert (await generous.work(view)).charged_credits == PRICE
    await work_off(generous)
    assert generous.till.refunded == []


async def test_a_part_that_was_not_made_comes_back_as_credits(generous: Shop) -> None:
    user, view, _ = await begun(generous)
    generous.vendor.will_answer(*(ProviderFailed("no") for _ in range(4)), index=1)
    done = await generous.work(view)
    assert (done.status, done.charged_credits, done.returned_credits) == (Status.COMPLETED, PRICE // 2, PRICE // 2)
    await work_off(generous)
    assert (generous.till.refunded, await generous.balances(user.id)) == ([], (PRICE // 2, 0, 0))


async def test_money_that_cannot_go_back_comes_as_credits_with_an_alert(generous: Shop) -> None:
    user, view, _ = await begun(generous)
    await fail(generous, view)
    generous.till.answers.append(StarsRefused("no"))
    await work_off(generous)
    assert await generous.balances(user.id) == (PRICE, 0, 0)
    assert any(cause.startswith("refund-failed") for cause in await generous.alerts())
    assert await generous.prove() == []


async def test_a_refund_while_it_is_made_leaves_no_second_one(generous: Shop) -> None:
    user, view, charge = await begun(generous)
    await generous.services.refunds.refund(OPERATOR, charge.charge_id, reason="asked", insist=True)
    await fail(generous, view)
    await work_off(generous)
    assert generous.till.refunded == [charge.charge_id]
    after = await generous.services.users.get(user.id)
    assert (after.credits, after.debt) == (0, 0)
    assert (await kinds(generous))[-1] == "RELEASE"
    assert await generous.prove() == []


async def test_an_operators_refund_of_what_is_owed_already_is_told_so(generous: Shop) -> None:
    _, view, charge = await begun(generous)
    await fail(generous, view)
    with pytest.raises(PaymentAlreadyRefunded):
        await generous.services.refunds.refund(OPERATOR, charge.charge_id, reason="asked")
    await work_off(generous)
    assert generous.till.refunded == [charge.charge_id]


async def test_a_refund_on_telegrams_side_takes_the_place_of_the_one_that_is_owed(generous: Shop) -> None:
    user, view, charge = await begun(generous)
    await fail(generous, view)
    await generous.services.refunds.record_vendor_refund(refund_of(charge))
    await work_off(generous)
    after = await generous.services.users.get(user.id)
    assert (after.credits, after.debt, generous.till.refunded) == (0, 0, [])
    assert await generous.prove() == []


async def test_who_leaves_while_it_is_made_gets_the_money_back(generous: Shop) -> None:
    user, _, charge = await begun(generous)
    await generous.services.accounts.erase(actor(user))
    await work_off(generous)
    assert generous.till.refunded == [charge.charge_id]
    assert await generous.prove() == []


async def test_the_books_see_a_hold_that_was_retired_for_nothing(generous: Shop) -> None:
    _, view, _ = await begun(generous)
    await fail(generous, view)
    assert await generous.prove() == []
    await generous.run_sql("UPDATE generations SET money_back = false")
    assert [breach.rule for breach in await generous.prove()] == ["retired_is_refunded"]
