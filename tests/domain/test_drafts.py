"""Drafts: their price is locked, they start once, old keyboards keep working."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from app.core.errors import AppError
from app.domain.errors import (
    DuplicateRequest,
    GenerationNotFound,
    IdempotencyKeyReused,
    InsufficientCredits,
    ModelUnavailable,
    NotFound,
    UserNotFound,
    ValidationFailed,
)
from app.domain.generations.models import Kind, Origin
from app.domain.generations.requests import NewDraft
from app.domain.generations.views import DraftStatus, GenerationView, Options
from app.domain.limits.request_keys import RequestKey
from app.domain.users.views import UserView
from tests.domain.shop import Shop, actor, order


async def dearer(shop: Shop) -> None:
    await shop.run_sql("UPDATE models SET price_credits = price_credits * 3")
    shop.services.catalog.forget()


async def test_a_draft_is_priced_and_keeps_its_price(shop: Shop, ann: UserView) -> None:
    draft = await shop.services.drafts.create(actor(ann), NewDraft("a red kite", count=2))
    assert (draft.price_credits, draft.status) == (8, DraftStatus.OPEN)
    await dearer(shop)
    started = await shop.services.drafts.start(actor(ann), draft.id, origin=Origin.BOT)
    assert started.price_credits == 8
    assert await shop.balances(ann.id) == (12, 8, 1)


async def test_changing_a_draft_prices_it_anew(shop: Shop, ann: UserView) -> None:
    draft = await shop.services.drafts.create(actor(ann), NewDraft("a red kite"))
    await dearer(shop)
    changed = await shop.services.drafts.adjust(actor(ann), draft.id, count=3, aspect_ratio="16:9")
    assert (changed.id, changed.price_credits) == (draft.id, 36)
    assert (changed.options.count, changed.options.aspect_ratio) == (3, "16:9")


async def test_choices_are_remembered_for_the_next_draft(shop: Shop, ann: UserView) -> None:
    draft = await shop.services.drafts.create(actor(ann), NewDraft("a red kite"))
    await shop.services.drafts.adjust(actor(ann), draft.id, model_key="image-pro", count=4, aspect_ratio="9:16")
    following = await shop.services.drafts.create(actor(ann), NewDraft("a blue kite"))
    assert (following.model_key, following.options.count, following.options.aspect_ratio) == ("image-pro", 4, "9:16")


async def test_what_was_remembered_and_is_gone_is_passed_over(shop: Shop, ann: UserView) -> None:
    await shop.run_sql(
        """UPDATE users SET preferences = '{"model": "gone", "aspect_ratio": "7:1", "count": 9}' WHERE id = :id""",
        id=ann.id,
    )
    draft = await shop.services.drafts.create(actor(ann), NewDraft("a red kite"))
    assert (draft.model_key, draft.options.count, draft.options.aspect_ratio) == ("image-standard", 4, "1:1")


async def test_a_double_tap_is_one_order(shop: Shop, ann: UserView) -> None:
    draft = await shop.services.drafts.create(actor(ann), NewDraft("a red kite"))
    results = await asyncio.gather(
        *(shop.services.drafts.start(actor(ann), draft.id, origin=Origin.BOT) for _ in range(6)), return_exceptions=True
    )
    started = [result for result in results if isinstance(result, GenerationView)]
    refused = [result for result in results if isinstance(result, AppError)]
    assert len(started) == 1
    assert [type(error) for error in refused] == [DuplicateRequest] * 5
    assert {error.params["generation_id"] for error in refused} == {str(started[0].id)}
    again = await shop.services.drafts.get(actor(ann), draft.id)
    assert (again.status, again.generation_id) == (DraftStatus.STARTED, started[0].id)
    assert await shop.balances(ann.id) == (16, 4, 1)


async def test_a_refused_start_leaves_the_draft_open(shop: Shop) -> None:
    poor = await shop.newcomer(credits=1)
    draft = await shop.services.drafts.create(actor(poor), NewDraft("a red kite"))
    with pytest.raises(InsufficientCredits):
        await shop.services.drafts.start(actor(poor), draft.id, origin=Origin.BOT)
    await shop.newcomer(credits=20)
    assert (await shop.services.drafts.start(actor(poor), draft.id, origin=Origin.BOT)).price_credits == 4


async def test_a_draft_lives_for_a_day(shop: Shop, ann: UserView) -> None:
    draft = await shop.services.drafts.create(actor(ann), NewDraft("a red kite"))
    await shop.advance_clock(timedelta(hours=24, seconds=1))
    assert (await shop.services.drafts.get(actor(ann), draft.id)).status is DraftStatus.EXPIRED
    with pytest.raises(NotFound):
        await shop.services.drafts.start(actor(ann), draft.id, origin=Origin.BOT)


@pytest.mark.parametrize("used", ["started", "expired"])
async def test_an_old_keyboard_works_on_a_copy(shop: Shop, ann: UserView, used: str) -> None:
    draft = await shop.services.drafts.create(actor(ann), NewDraft("a red kite", seed=7))
    if used == "started":
        await shop.services.drafts.start(actor(ann), draft.id, origin=Origin.BOT)
    else:
        await shop.advance_clock(timedelta(days=2))
    for copy in (
        await shop.services.drafts.adjust(actor(ann), draft.id, count=2),
        await shop.services.drafts.renew(actor(ann), draft.id),
    ):
        assert copy.id != draft.id
        assert (copy.prompt, copy.options.seed, copy.status) == ("a red kite", 7, DraftStatus.OPEN)


async def test_changing_a_draft_against_starting_it_never_changes_what_was_started(shop: Shop, ann: UserView) -> None:
    for _ in range(4):
        draft = await shop.services.drafts.create(actor(ann), NewDraft("a red kite", count=1))
        started, changed = await asyncio.gather(
            shop.services.drafts.start(actor(ann), draft.id, origin=Origin.BOT),
            shop.services.drafts.adjust(actor(ann), draft.id, count=2),
        )
        assert started.price_credits == started.options.count * 4
        assert (changed.options.count, changed.price_credits) == (2, 8)
        await shop.services.generations.cancel(actor(ann), started.id)
    assert await shop.balances(ann.id) == (20, 0, 0)


async def test_a_draft_of_somebody_else_is_not_there(shop: Shop, ann: UserView) -> None:
    bob = await shop.newcomer(700_000_002)
    draft = await shop.services.drafts.create(actor(ann), NewDraft("a red kite"))
    drafts = shop.services.drafts
    for use in (
        drafts.get(actor(bob), draft.id),
        drafts.adjust(actor(bob), draft.id, count=2),
        drafts.renew(actor(bob), draft.id),
        drafts.start(actor(bob), draft.id, origin=Origin.BOT),
        drafts.get(actor(ann), uuid4()),
    ):
        with pytest.raises(NotFound):
            await use


async def test_who_has_left_changes_no_draft(shop: Shop, ann: UserView) -> None:
    """Deleting one's data may win the lock between the tap's first look and its writing."""
    drafts = shop.services.drafts
    draft = await drafts.create(actor(ann), NewDraft("a red kite"))
    await shop.run_sql("UPDATE users SET deleted_at = now()")
    for use in (drafts.adjust(actor(ann), draft.id, count=2), drafts.renew(actor(ann), draft.id)):
        with pytest.raises(UserNotFound):
            await use
    assert await shop.scalar("SELECT options ->> 'count' FROM drafts") == "1"


async def test_nothing_is_made_from_somebody_elses_generation(shop: Shop, ann: UserView) -> None:
    bob = await shop.newcomer(700_000_002)
    done = await shop.work(await shop.submit(ann))
    for use in (
        shop.services.drafts.repeat(actor(bob), done.id, variation=False),
        shop.services.drafts.derive(actor(bob), done.id, kind=Kind.UPSCALE),
        shop.services.drafts.derive(actor(bob), uuid4(), kind=Kind.UPSCALE),
    ):
        with pytest.raises(GenerationNotFound):
            await use


async def test_the_same_update_is_the_same_draft(shop: Shop, ann: UserView) -> None:
    new = NewDraft("a red kite", update_id=77)
    made = await asyncio.gather(*(shop.services.drafts.create(actor(ann), new) for _ in range(5)))
    assert len({draft.id for draft in made}) == 1


async def test_the_same_key_and_body_is_the_same_draft(shop: Shop, ann: UserView) -> None:
    key = RequestKey("once", "POST /drafts", b"body")
    made = await asyncio.gather(
        *(shop.services.drafts.create(actor(ann), NewDraft("a red kite"), request_key=key) for _ in range(5))
    )
    assert len({draft.id for draft in made}) == 1
    assert sorted(draft.is_repeat for draft in made) == [False, True, True, True, True]
    for other in (RequestKey("once", "POST /drafts", b"another"), RequestKey("once", "POST /avatars", b"body")):
        with pytest.raises(IdempotencyKeyReused):
            await shop.services.drafts.create(actor(ann), NewDraft("a red kite"), request_key=other)


async def test_again_keeps_everything_and_a_variation_another_seed_and_the_parent(shop: Shop, ann: UserView) -> None:
    request = replace(order("a red kite"), options=Options("16:9", 2, seed=5), negative_prompt="rain")
    done = await shop.work(await shop.services.generations.submit(actor(ann), request))
    again = await shop.services.drafts.repeat(actor(ann), done.id, variation=False)
    variation = await shop.services.drafts.repeat(actor(ann), done.id, variation=True)
    assert (again.options, again.parent_id, again.negative_prompt) == (Options("16:9", 2, seed=5), None, "rain")
    assert (variation.options, variation.parent_id) == (Options("16:9", 2), done.id)


@pytest.mark.parametrize("new", [NewDraft(" "), NewDraft("x" * 2001), NewDraft("x", count=5), NewDraft("x", count=0)])
async def test_a_draft_that_does_not_fit_is_refused(shop: Shop, ann: UserView, new: NewDraft) -> None:
    with pytest.raises(ValidationFailed):
        await shop.services.drafts.create(actor(ann), new)


async def test_a_count_of_nothing_does_not_fit(shop: Shop, ann: UserView) -> None:
    draft = await shop.services.drafts.create(actor(ann), NewDraft("a red kite"))
    with pytest.raises(ValidationFailed):
        await shop.services.drafts.adjust(actor(ann), draft.id, count=0)


async def test_without_a_model_on_sale_there_is_no_draft(shop: Shop, ann: UserView) -> None:
    await shop.run_sql("UPDATE models SET enabled = false")
    shop.services.catalog.forget()
    with pytest.raises(ModelUnavailable):
        await shop.services.drafts.create(actor(ann), NewDraft("a red kite"))


async def test_deleting_a_generation_deletes_every_draft_with_its_words(shop: Shop, ann: UserView) -> None:
    """Its card, the card's next, the buttons under the result, their copies, and a card from the history."""
    drafts = shop.services.drafts
    card = await drafts.create(actor(ann), NewDraft("a secret wish"))
    started = await drafts.start(actor(ann), card.id, origin=Origin.BOT)
    following = await drafts.renew(actor(ann), card.id)
    await shop.work(started)
    adjusted = await drafts.adjust(actor(ann), card.id, count=2)
    repeated = await drafts.repeat(actor(ann), started.id, variation=True)
    buttons = await shop.run_sql("SELECT params FROM deliveries WHERE kind = 'result'")
    again, variation = (UUID(buttons[0]["params"][key]) for key in ("draft_id", "variation_draft_id"))
    second = await shop.work(await drafts.start(actor(ann), again, origin=Origin.BOT))
    renewed = await drafts.renew(actor(ann), again)
    other = await drafts.create(actor(ann), NewDraft("a blue kite"))
    await shop.services.generations.delete(actor(ann), started.id)
    for gone in (card.id, following.id, adjusted.id, repeated.id, again, variation, renewed.id):
        for use in (drafts.get, drafts.renew):
            with pytest.raises(NotFound):
                await use(actor(ann), gone)
        with pytest.raises(NotFound):
            await drafts.start(actor(ann), gone, origin=Origin.BOT)
    assert (await drafts.get(actor(ann), other.id)).prompt == "a blue kite"
    await shop.services.generations.delete(actor(ann), second.id)
    assert [row["prompt"] for row in await shop.run_sql("SELECT prompt FROM drafts")] == ["a blue kite"]


async def test_a_copy_made_while_its_generation_is_deleted_does_not_outlive_it(shop: Shop, ann: UserView) -> None:
    drafts = shop.services.drafts
    for _ in range(4):
        card = await drafts.create(actor(ann), NewDraft("a secret wish"))
        done = await shop.work(await drafts.start(actor(ann), card.id, origin=Origin.BOT))
        await asyncio.gather(
            drafts.renew(actor(ann), card.id),
            drafts.adjust(actor(ann), card.id, count=1),
            shop.services.generations.delete(actor(ann), done.id),
            drafts.repeat(actor(ann), done.id, variation=False),
            return_exceptions=True,
        )
        assert await shop.scalar("SELECT count(*) FROM drafts WHERE prompt = 'a secret wish'") == 0


async def test_a_draft_long_expired_is_purged(shop: Shop, ann: UserView) -> None:
    for _ in range(3):
        await shop.services.drafts.create(actor(ann), NewDraft("a red kite"))
    await shop.advance_clock(timedelta(days=7, hours=23))
    assert await shop.services.drafts.purge() == 0
    await shop.advance_clock(timedelta(hours=2))
    fresh = await shop.services.drafts.create(actor(ann), NewDraft("a blue kite"))
    assert [await shop.services.drafts.purge(limit=2) for _ in range(3)] == [2, 1, 0]
    assert (await shop.services.drafts.get(actor(ann), fresh.id)).status is DraftStatus.OPEN
