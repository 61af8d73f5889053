"""Unlocking a watermarked picture: once, whichever way of paying comes first, and never somebody else's (trap 41)."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from app.domain.errors import (
    GenerationNotFound,
    IdempotencyKeyReused,
    InsufficientCredits,
    NotFound,
    PaymentConsumed,
    UserBanned,
    ValidationFailed,
)
from app.domain.generations.models import Funding, Kind, Status
from app.domain.generations.views import GenerationView
from app.domain.limits.request_keys import RequestKey
from app.domain.payments.charges import ChargeOutcome, ChargeSource
from app.domain.payments.views import OrderView
from app.domain.users.views import UserView
from tests.domain.shop import OPERATOR, Shop, actor
from tests.domain.till import charge_of, ordered, query_of
from tests.fakes import Gate, picture

UPDATE = ChargeSource.UPDATE


@pytest.fixture
async def locked(shop: Shop, ann: UserView) -> GenerationView:
    """A finished free one, delivered."""
    shop.downloads.data = picture(1600, 1200, "navy")
    done = await shop.work(await shop.submit(ann, funding=Funding.FREE))
    await shop.deliver_all()
    return await shop.look(done)


async def unlock(shop: Shop, user: UserView, view: GenerationView, **given: Any) -> GenerationView:
    return await shop.services.unlocks.with_credits(actor(user), view.id, **given)


async def order_for(shop: Shop, user: UserView, view: GenerationView) -> OrderView:
    return await ordered(shop, user, "unlock", generation_id=view.id)


async def available(shop: Shop, user: UserView) -> int:
    return (await shop.balances(user.id))[0]


# For credits


async def test_credits_bring_the_clean_picture(shop: Shop, ann: UserView, locked: GenerationView) -> None:
    [before] = locked.outputs
    [after] = (await unlock(shop, ann, locked)).outputs
    assert not after.watermarked
    assert {before.storage_key, before.preview_key, before.thumbnail_key}.isdisjoint(
        {after.storage_key, after.preview_key, after.thumbnail_key}
    )
    assert len(shop.store.objects[after.storage_key]) == after.size_bytes
    assert (before.photo_file_id is not None, after.photo_file_id) == (True, None)
    assert await available(shop, ann) == 5
    assert await shop.scalar("SELECT key FROM ledger_entries ORDER BY id DESC LIMIT 1") == f"unlock:{after.id}"
    assert await shop.scalar("SELECT total_spent_credits FROM users") == 15
    assert await shop.prove() == []


async def test_the_clean_picture_is_sent_to_the_chat(shop: Shop, ann: UserView, locked: GenerationView) -> None:
    [clean] = (await unlock(shop, ann, locked)).outputs
    await shop.deliver_all()
    [outgoing] = [outgoing for _, outgoing in shop.telegram.sent if outgoing.template == "unlocked"]
    [medium] = outgoing.media
    assert (medium.storage_key, medium.preview_key, medium.file_id) == (clean.storage_key, clean.preview_key, None)
    assert (await shop.look(locked)).outputs[0].photo_file_id is not None


async def test_until_it_is_unlocked_the_marked_picture_is_worked_from_and_then_the_clean_one(
    shop: Shop, ann: UserView, locked: GenerationView
) -> None:
    """An edit must not be a way around the watermark; and who has paid must not get it back by one."""

    async def edit() -> bytes:
        """What the vendor was handed."""
        [output] = locked.outputs
        view = await shop.submit(
            ann, "a hat", kind=Kind.EDIT, model_key="edit-standard", inputs=(output.id,), ratio="auto"
        )
        assert (await shop.work(view)).status is Status.COMPLETED
        [handed] = shop.vendor.creates[-1].inputs
        return handed.data

    await shop.services.credits.adjust(OPERATOR, 700_000_001, 10, reason="a test needs them")
    assert await edit() == shop.store.objects[locked.outputs[0].storage_key]
    [clean] = (await unlock(shop, ann, locked)).outputs
    assert await edit() == shop.store.objects[clean.storage_key]


async def test_ten_taps_pay_once(shop: Shop, ann: UserView, locked: GenerationView) -> None:
    await shop.services.credits.adjust(OPERATOR, 700_000_001, 200, reason="a test")
    results = await asyncio.gather(*(unlock(shop, ann, locked) for _ in range(10)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["GenerationView"] + ["PaymentConsumed"] * 9
    assert await available(shop, ann) == 205
    assert await shop.prove() == []


async def test_a_repeat_with_the_same_key_is_the_same_unlock(shop: Shop, ann: UserView, locked: GenerationView) -> None:
    key = RequestKey("k", "unlock", b"body")
    results = await asyncio.gather(*(unlock(shop, ann, locked, request_key=key) for _ in range(5)))
    assert [result.is_watermarked for result in results] == [False] * 5
    assert await available(shop, ann) == 5
    with pytest.raises(IdempotencyKeyReused):
        await unlock(shop, ann, locked, request_key=RequestKey("k", "unlock", b"other"))
    # What is not on sale any more was bought all the same.
    await shop.run_sql("UPDATE products SET enabled = false WHERE kind = 'unlock'")
    shop.services.catalog.forget()
    assert (await unlock(shop, ann, locked, request_key=key)).id == locked.id
    with pytest.raises(NotFound):
        await unlock(shop, ann, locked, request_key=RequestKey("another", "unlock", b"body"))


async def test_too_few_credits_unlock_nothing(shop: Shop, ann: UserView, locked: GenerationView) -> None:
    await shop.services.credits.adjust(OPERATOR, 700_000_001, -10, reason="a test")
    with pytest.raises(InsufficientCredits) as caught:
        await unlock(shop, ann, locked)
    assert caught.value.params == {"required": 15, "available": 10}
    assert (await shop.look(locked)).is_watermarked


async def test_an_unlock_and_a_submit_do_not_spend_the_same_credits(
    shop: Shop, ann: UserView, locked: GenerationView
) -> None:
    results = await asyncio.gather(
        unlock(shop, ann, locked),
        *(shop.submit(ann, model_key="image-pro") for _ in range(2)),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, BaseException)]
    assert refused
    assert all(isinstance(result, InsufficientCredits) for result in refused)
    assert await shop.prove() == []


async def test_nobody_unlocks_what_is_somebody_elses(shop: Shop, locked: GenerationView) -> None:
    bob = await shop.newcomer(700_000_002)
    with pytest.raises(GenerationNotFound):
        await unlock(shop, bob, locked)
    with pytest.raises(GenerationNotFound):
        await order_for(shop, bob, locked)


async def test_what_has_no_watermark_costs_nothing(shop: Shop, ann: UserView) -> None:
    done = await shop.work(await shop.submit(ann))
    with pytest.raises(PaymentConsumed):
        await unlock(shop, ann, done)
    with pytest.raises(PaymentConsumed):
        await order_for(shop, ann, done)


async def test_an_open_or_unknown_generation_is_not_there_to_be_unlocked(shop: Shop, ann: UserView) -> None:
    view = await shop.submit(ann, funding=Funding.FREE)
    with pytest.raises(GenerationNotFound):
        await unlock(shop, ann, view)
    with pytest.raises(GenerationNotFound):
        await shop.services.unlocks.with_credits(actor(ann), uuid4())
    with pytest.raises(ValidationFailed):
        await ordered(shop, ann, "unlock")


async def test_a_banned_user_unlocks_nothing(shop: Shop, ann: UserView, locked: GenerationView) -> None:
    await shop.services.users.ban(OPERATOR, 700_000_001, reason="spam")
    with pytest.raises(UserBanned):
        await unlock(shop, ann, locked)


# For Stars


async def test_stars_bring_the_clean_picture_and_no_credits(shop: Shop, ann: UserView, locked: GenerationView) -> None:
    order = await order_for(shop, ann, locked)
    assert order.amount_minor == 15
    await shop.services.checkout.approve(query_of(order, ann))
    assert await shop.services.charges.credit(charge_of(order, ann), source=UPDATE) is ChargeOutcome.CREDITED
    assert not (await shop.look(locked)).is_watermarked
    assert await available(shop, ann) == 20
    await shop.deliver_all()
    assert {"unlocked", "payment"} <= set(shop.telegram.templates)
    assert await shop.prove() == []


async def test_what_is_clean_already_is_refused_at_the_checkout(
    shop: Shop, ann: UserView, locked: GenerationView
) -> None:
    order = await order_for(shop, ann, locked)
    await unlock(shop, ann, locked)
    with pytest.raises(PaymentConsumed):
        await shop.services.checkout.approve(query_of(order, ann))


async def test_a_charge_with_nothing_left_to_give_goes_back_by_itself(
    shop: Shop, ann: UserView, locked: GenerationView
) -> None:
    orders = [await order_for(shop, ann, locked) for _ in range(3)]
    charges = [charge_of(order, ann) for order in orders]
    outcomes = await asyncio.gather(
        unlock(shop, ann, locked),
        *(shop.services.charges.credit(charge, source=UPDATE) for charge in charges),
        return_exceptions=True,
    )
    given = sum(isinstance(outcome, GenerationView) for outcome in outcomes) + outcomes.count(ChargeOutcome.CREDITED)
    assert given == 1
    for row in await shop.run_sql("SELECT id FROM refunds"):
        await shop.finish_refund(row["id"])
    assert len(shop.till.refunded) == outcomes.count(ChargeOutcome.REFUNDING)
    assert len(shop.till.refunded) == 3 - outcomes.count(ChargeOutcome.CREDITED)
    assert await shop.prove() == []


async def test_a_deleted_picture_cannot_be_unlocked_and_the_money_goes_back(
    shop: Shop, ann: UserView, locked: GenerationView
) -> None:
    order = await order_for(shop, ann, locked)
    await shop.services.generations.delete(actor(ann), locked.id)
    assert await shop.services.charges.credit(charge_of(order, ann), source=UPDATE) is ChargeOutcome.REFUNDING


async def test_a_refunded_unlock_takes_no_credits(shop: Shop, ann: UserView, locked: GenerationView) -> None:
    order = await order_for(shop, ann, locked)
    charge = charge_of(order, ann)
    await shop.services.charges.credit(charge, source=UPDATE)
    refund = await shop.services.refunds.refund(OPERATOR, charge.charge_id, reason="asked")
    assert (refund.credits_taken, refund.debt_added) == (0, 0)
    assert await available(shop, ann) == 20


# What is in the air meanwhile


async def test_a_watermarked_file_that_arrives_late_is_not_taken_for_the_clean_one(shop: Shop, ann: UserView) -> None:
    done = await shop.work(await shop.submit(ann, funding=Funding.FREE))
    shop.telegram.gate = Gate()
    delivery = await shop.scalar("SELECT id FROM deliveries WHERE key LIKE 'result:%'")
    sending = asyncio.create_task(shop.deliver(delivery))
    await shop.telegram.gate.reached.wait()
    await unlock(shop, ann, done)
    shop.telegram.gate.open()
    assert await sending == "SENT"
    assert (await shop.look(done)).outputs[0].photo_file_id is None


async def test_deleting_what_was_unlocked_leaves_no_object(shop: Shop, ann: UserView, locked: GenerationView) -> None:
    await unlock(shop, ann, locked)
    await shop.services.generations.delete(actor(ann), locked.id)
    await shop.services.collector.collect(locked.id)
    assert shop.store.objects == {}
