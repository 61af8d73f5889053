"""Orders of photo packs: what is refused and costs nothing, and what a draft of one keeps."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from app.domain.delivery.models import DeliveryState
from app.domain.errors import (
    InsufficientCredits,
    ModelUnavailable,
    NotFound,
    PromptRejected,
    StyleUnavailable,
    UploadInvalid,
    ValidationFailed,
)
from app.domain.generations.models import Funding, Kind, Origin
from app.domain.generations.requests import NewDraft
from app.domain.generations.views import Options
from app.domain.payments.charges import ChargeOutcome, ChargeSource
from app.domain.payments.models import Method
from app.domain.payments.views import NewOrder
from app.domain.ports import RecipientUnreachable
from app.domain.users.views import UserView
from tests.domain.shoots import ALL, UNIT, albums, entries, owed, pack, sent, step_until
from tests.domain.shop import Shop, actor, order
from tests.domain.test_avatars import avatar
from tests.domain.till import charge_of


@pytest.fixture
async def eve(shop: Shop) -> UserView:
    """A user who can pay for a pack of 23, and for one of 12 besides."""
    return await shop.newcomer(credits=(ALL + 12) * UNIT)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"style_key": None}, "style"),
        ({"avatar_id": None}, "avatar"),
        ({"options": Options("3:4", 1)}, "options.count"),
        ({"options": Options("3:4", 4)}, "options.count"),
        ({"options": Options("auto", 8)}, "options.aspect_ratio"),
        ({"kind": Kind.EDIT, "model_key": "edit-standard", "style_key": None, "options": Options("auto", 1)}, "avatar"),
        ({"funding": Funding.FREE}, "funding"),
    ],
)
async def test_what_is_no_pack_is_refused(shop: Shop, eve: UserView, given: dict[str, Any], field: str) -> None:
    made = await avatar(shop, eve)
    whole = order(
        "", kind=Kind.PACK, model_key="pack-standard", style_key="seasons", avatar_id=made.id, ratio="3:4", count=8
    )
    with pytest.raises(ValidationFailed) as refused:
        await shop.services.generations.submit(actor(eve), replace(whole, prompt="x", **given))
    assert field in _fields(refused.value)
    assert await shop.balances(eve.id) == (35 * UNIT, 0, 0)


def _fields(error: ValidationFailed) -> Sequence[str]:
    named = error.params["fields"]
    assert isinstance(named, dict)
    return list(named)


async def test_words_that_break_a_rule_beside_a_shot_are_refused_before_the_hold(shop: Shop, eve: UserView) -> None:
    await shop.run_sql(
        "UPDATE style_shots SET prompt = 'in the bath, naked' WHERE style_key = 'seasons' AND position = 5"
    )
    shop.services.catalog.forget()
    with pytest.raises(PromptRejected) as refused:
        await pack(shop, eve, "with kids", style="seasons")
    assert refused.value.params == {"category": "minors"}
    assert await shop.balances(eve.id) == (35 * UNIT, 0, 0)
    assert (await pack(shop, eve, "with a dog", style="seasons")).price_credits == 8 * UNIT


async def test_a_withdrawn_style_says_so_and_costs_nothing(shop: Shop, eve: UserView) -> None:
    await shop.run_sql("UPDATE pack_styles SET enabled = false WHERE key = 'seasons'")
    shop.services.catalog.forget()
    with pytest.raises(StyleUnavailable):
        await pack(shop, eve, style="seasons")
    with pytest.raises(StyleUnavailable):
        await pack(shop, eve, style="nothing")
    assert "seasons" not in {style.key for style in await shop.services.catalog.list_packs()}
    assert await shop.balances(eve.id) == (35 * UNIT, 0, 0)


async def test_without_a_model_no_pack_is_sold(shop: Shop, eve: UserView) -> None:
    await shop.run_sql("UPDATE models SET enabled = false WHERE kind = 'pack'")
    shop.services.catalog.forget()
    assert await shop.services.catalog.list_packs() == ()
    with pytest.raises(ModelUnavailable):
        await pack(shop, eve)


async def test_somebody_elses_avatar_is_not_found(shop: Shop, eve: UserView) -> None:
    bob = await shop.newcomer(700_000_002)
    theirs = await avatar(shop, bob)
    with pytest.raises(NotFound):
        await pack(shop, eve, avatar_id=theirs.id)
    assert await shop.balances(eve.id) == (35 * UNIT, 0, 0)


async def test_a_pack_that_is_too_dear_is_refused(shop: Shop, ann: UserView) -> None:
    with pytest.raises(InsufficientCredits) as refused:
        await pack(shop, ann)
    assert refused.value.params == {"required": ALL * UNIT, "available": 20}
    assert await shop.scalar("SELECT count(*) FROM pack_shots") == 0


async def test_deleting_a_pack_deletes_its_words(shop: Shop, eve: UserView) -> None:
    done = await shop.work(await pack(shop, eve, "my secret", style="seasons"))
    await shop.services.generations.delete(actor(eve), done.id)
    assert await shop.scalar("SELECT count(*) FROM pack_shots") == 0
    assert await shop.scalar("SELECT count(*) FROM generation_outputs") == 0


async def test_who_leaves_in_mid_pack_gets_everything_back_and_nothing_stays(shop: Shop, eve: UserView) -> None:
    view = await pack(shop, eve, "my secret")
    await step_until(shop, view, 7)
    await shop.services.accounts.erase(actor(eve))
    await shop.step(view)
    assert (await entries(shop, view))[1:] == [("RELEASE", ALL * UNIT, -ALL * UNIT)]
    assert await shop.scalar("SELECT count(*) FROM pack_shots") == 0
    assert await shop.prove() == []


# -------------------------------------------------------------------------------------------------------- drafts


async def draft_of(shop: Shop, user: UserView) -> NewDraft:
    """A draft of a pack of eight shots."""
    made = await avatar(shop, user)
    return NewDraft("", kind=Kind.PACK, style_key="seasons", avatar_id=made.id)


async def test_a_draft_of_a_pack_is_started_at_its_price(shop: Shop, eve: UserView) -> None:
    draft = await shop.services.drafts.create(actor(eve), await draft_of(shop, eve))
    assert (draft.price_credits, draft.options.count, draft.model_key) == (8 * UNIT, 8, "pack-standard")
    await shop.run_sql("UPDATE models SET price_credits = 99 WHERE kind = 'pack'")
    shop.services.catalog.forget()
    changed = await shop.services.drafts.get(actor(eve), draft.id)
    view = await shop.services.drafts.start(actor(eve), changed.id, origin=Origin.BOT)
    done = await shop.work(view)
    assert (len(done.outputs), done.charged_credits) == (8, 8 * UNIT)


async def test_another_shape_is_chosen_on_the_card(shop: Shop, eve: UserView) -> None:
    draft = await shop.services.drafts.create(actor(eve), await draft_of(shop, eve))
    changed = await shop.services.drafts.adjust(actor(eve), draft.id, aspect_ratio="1:1")
    assert (changed.options.aspect_ratio, changed.options.count, changed.price_credits) == ("1:1", 8, 8 * UNIT)


async def test_a_draft_of_a_pack_that_has_changed_its_size_is_refused(shop: Shop, eve: UserView) -> None:
    draft = await shop.services.drafts.create(actor(eve), await draft_of(shop, eve))
    await shop.run_sql("DELETE FROM style_shots WHERE style_key = 'seasons' AND position = 8")
    for _ in range(2):
        with pytest.raises(StyleUnavailable):
            await shop.services.drafts.start(actor(eve), draft.id, origin=Origin.BOT)
        shop.services.catalog.forget()
    with pytest.raises(StyleUnavailable):
        await shop.services.orders.create(actor(eve), NewOrder(Method.STARS, draft_id=draft.id), wants_link=False)
    # Whoever changes something on its card sees today's shots and their price.
    adjusted = await shop.services.drafts.adjust(actor(eve), draft.id, aspect_ratio="1:1")
    assert (adjusted.options.count, adjusted.price_credits) == (7, 7 * UNIT)
    assert await shop.balances(eve.id) == (35 * UNIT, 0, 0)


async def test_a_part_of_a_pack_is_not_for_sale(shop: Shop, eve: UserView) -> None:
    draft = await shop.services.drafts.create(actor(eve), await draft_of(shop, eve))
    for count in (1, 5):
        with pytest.raises(ValidationFailed):
            await shop.services.drafts.adjust(actor(eve), draft.id, count=count)
    adjusted = await shop.services.drafts.adjust(actor(eve), draft.id, count=8)
    assert (adjusted.options.count, adjusted.price_credits) == (8, 8 * UNIT)


async def test_a_draft_whose_avatar_is_deleted_asks_for_photos(shop: Shop, eve: UserView) -> None:
    new = await draft_of(shop, eve)
    draft = await shop.services.drafts.create(actor(eve), new)
    assert new.avatar_id is not None
    await shop.services.avatars.delete(actor(eve), new.avatar_id)
    with pytest.raises(UploadInvalid) as refused:
        await shop.services.drafts.start(actor(eve), draft.id, origin=Origin.BOT)
    assert refused.value.params["problem"] == "gone"


async def test_a_pack_is_made_again_by_the_button_and_from_the_history(shop: Shop, eve: UserView) -> None:
    done = await shop.work(await pack(shop, eve, style="seasons"))
    await shop.deliver_all()
    [receipt] = sent(shop, "pack-receipt")
    assert receipt.params["draft_price"] == 8 * UNIT
    again = await shop.services.drafts.repeat(actor(eve), done.id, variation=False)
    assert (again.price_credits, again.options.count, again.avatar_id) == (8 * UNIT, 8, done.avatar_id)
    started_ = await shop.services.drafts.start(actor(eve), again.id, origin=Origin.BOT)
    assert len((await shop.work(started_)).outputs) == 8


async def test_albums_that_are_dead_are_owed_again_and_arrive_in_order(shop: Shop, eve: UserView) -> None:
    """The user blocked the bot in the middle, and came back."""
    view = await pack(shop, eve, style="seasons")
    await shop.work(view)
    await shop.run_sql("UPDATE deliveries SET state = 'DEAD', error = 'blocked'")
    await shop.enter(700_000_001)
    await shop.deliver_all()
    assert {state for _, state in await owed(shop)} == {DeliveryState.SENT}
    assert albums(shop) == [5, 3]
    assert shop.telegram.templates[-1] == "pack-receipt"


async def test_who_blocked_the_bot_between_two_albums_gets_them_in_order(shop: Shop, eve: UserView) -> None:
    view = await pack(shop, eve, style="seasons")
    await step_until(shop, view, 5)
    await shop.step(view)
    shop.telegram.errors.append(RecipientUnreachable("blocked"))
    await shop.deliver_all()
    await shop.work(view)
    assert [state for _, state in await owed(shop)] == ["DEAD", "OWED", "OWED"]
    await shop.enter(700_000_001)
    # They are all rung at once, and any of them may be looked at first.
    for row in await shop.run_sql("SELECT id FROM deliveries ORDER BY id DESC"):
        await shop.deliver(row["id"])
    await shop.deliver_all()
    assert albums(shop) == [5, 3]
    assert shop.telegram.templates[-1] == "pack-receipt"


async def test_the_progress_says_how_many_there_are(shop: Shop, eve: UserView) -> None:
    view = await pack(shop, eve, origin=Origin.BOT)
    await shop.deliver_all()
    await step_until(shop, view, 10)
    await shop.services.progress.show(view.id)
    params = shop.telegram.edited[-1][1].params
    assert (params["made"], params["total"], params["percent"]) == (10, ALL, 43)


async def test_a_draft_of_a_pack_is_paid_for_and_starts(shop: Shop, eve: UserView) -> None:
    draft = await shop.services.drafts.create(actor(eve), await draft_of(shop, eve))
    bill = await shop.services.orders.create(actor(eve), NewOrder(Method.STARS, draft_id=draft.id), wants_link=False)
    await shop.services.charges.credit(charge_of(bill, eve), source=ChargeSource.UPDATE)
    started = await shop.services.drafts.get(actor(eve), draft.id)
    assert started.generation_id is not None
    view = await shop.services.generations.get(actor(eve), started.generation_id)
    done = await shop.work(view)
    assert (len(done.outputs), done.charged_credits, done.style_key) == (8, 8 * UNIT, "seasons")
    assert await shop.prove() == []


async def test_a_payment_for_a_pack_that_has_changed_its_size_becomes_credits(shop: Shop, eve: UserView) -> None:
    draft = await shop.services.drafts.create(actor(eve), await draft_of(shop, eve))
    bill = await shop.services.orders.create(actor(eve), NewOrder(Method.STARS, draft_id=draft.id), wants_link=False)
    await shop.run_sql("DELETE FROM style_shots WHERE style_key = 'seasons' AND position = 8")
    outcome = await shop.services.charges.credit(charge_of(bill, eve), source=ChargeSource.UPDATE)
    assert outcome is ChargeOutcome.CREDITED
    assert await shop.balances(eve.id) == ((35 + 8) * UNIT, 0, 0)
    assert await shop.prove() == []
