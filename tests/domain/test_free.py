"""What the house pays for: a quota a day, every other limit all the same, and a watermark that hides the original."""

import asyncio
import io
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from app.core.errors import AppError
from app.domain.errors import (
    DuplicateRequest,
    MaxActiveGenerations,
    RateLimitExceeded,
    UserBanned,
    ValidationFailed,
)
from app.domain.generations.models import Funding, Kind, Origin, Status
from app.domain.generations.requests import NewDraft
from app.domain.generations.views import GenerationView
from app.domain.ports import ProviderFailed
from app.domain.users.views import UserView
from tests.domain.conftest import OpenShop
from tests.domain.shop import OPERATOR, Shop, actor
from tests.fakes import PICTURE, picture

FREE = Funding.FREE
DAY = timedelta(days=1)


async def left(shop: Shop, user: UserView) -> tuple[int, int]:
    account = await shop.services.accounts.me(actor(user))
    return account.free_left, account.copy_left


async def fail(shop: Shop, view: GenerationView) -> GenerationView:
    shop.vendor.will_answer(*(ProviderFailed("no") for _ in range(4)))
    return await shop.work(view)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


# The quota


async def test_a_free_generation_costs_nothing_and_has_its_entries(shop: Shop, ann: UserView) -> None:
    done = await shop.work(await shop.submit(ann, funding=FREE))
    assert (done.status, done.price_credits, done.charged_credits) == (Status.COMPLETED, 0, 0)
    assert await shop.balances(ann.id) == (20, 0, 0)
    rows = await shop.run_sql(
        "SELECT kind, delta_available, delta_held FROM ledger_entries WHERE reference_type = 'generation' ORDER BY id"
    )
    assert [tuple(row.values()) for row in rows] == [("HOLD", 0, 0), ("CAPTURE", 0, 0)]
    assert await shop.prove() == []


async def test_without_any_credits_the_free_one_is_made(shop: Shop) -> None:
    poor = await shop.newcomer(credits=0)
    assert (await shop.work(await shop.submit(poor, funding=FREE))).status is Status.COMPLETED


async def test_the_quota_is_counted_under_the_users_lock(open_shop: OpenShop) -> None:
    shop = await open_shop(free_generations_per_day=2)
    ann = await shop.newcomer()
    results = await asyncio.gather(*(shop.submit(ann, funding=FREE) for _ in range(5)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["GenerationView"] * 2 + ["RateLimitExceeded"] * 3
    assert await left(shop, ann) == (0, 1)
    assert await shop.prove() == []


async def test_a_used_up_quota_says_when_the_next_day_begins(shop: Shop, ann: UserView) -> None:
    await shop.submit(ann, funding=FREE)
    with pytest.raises(RateLimitExceeded) as caught:
        await shop.submit(ann, funding=FREE)
    wait = int(str(caught.value.params["retry_after"]))
    midnight = float(
        await shop.scalar("SELECT extract(epoch FROM date_trunc('day', now(), 'UTC') + interval '1 day' - now())")
    )
    assert abs(wait - midnight) < 30
    assert caught.value.params["quota"] == "free"
    # Paid ones go on.
    await shop.submit(ann)


async def test_the_next_day_brings_the_next_one(shop: Shop, ann: UserView) -> None:
    await shop.work(await shop.submit(ann, funding=FREE))
    await shop.advance_clock(DAY)
    assert await left(shop, ann) == (1, 1)
    await shop.submit(ann, funding=FREE)


async def test_what_failed_or_was_cancelled_has_used_nothing(shop: Shop, ann: UserView) -> None:
    assert (await fail(shop, await shop.submit(ann, funding=FREE))).status is Status.FAILED
    view = await shop.submit(ann, funding=FREE)
    assert (await shop.services.generations.cancel(actor(ann), view.id)).status is Status.CANCELLED
    assert await left(shop, ann) == (1, 1)
    await shop.submit(ann, funding=FREE)


async def test_a_deleted_one_stays_used(shop: Shop, ann: UserView) -> None:
    done = await shop.work(await shop.submit(ann, funding=FREE))
    await shop.services.generations.delete(actor(ann), done.id)
    assert await left(shop, ann) == (0, 1)


async def test_every_other_limit_holds_for_free_ones_too(open_shop: OpenShop) -> None:
    shop = await open_shop(free_generations_per_day=100, active_free=2, per_minute_free=3)
    ann = await shop.newcomer()
    for _ in range(2):
        await shop.submit(ann, funding=FREE)
    with pytest.raises(MaxActiveGenerations):
        await shop.submit(ann, funding=FREE)
    for row in await shop.run_sql("SELECT id FROM generations"):
        await shop.services.generations.cancel(actor(ann), row["id"])
    await shop.submit(ann, funding=FREE)
    with pytest.raises(RateLimitExceeded) as caught:
        await shop.submit(ann, funding=FREE)
    assert caught.value.params["limit"] == 3
    await shop.services.users.ban(OPERATOR, 700_000_001, reason="spam")
    with pytest.raises(UserBanned):
        await shop.submit(ann, funding=FREE)


async def test_a_repeat_of_the_free_one_is_told_as_a_repeat(shop: Shop, ann: UserView) -> None:
    results = await asyncio.gather(
        *(shop.submit(ann, funding=FREE, request_key="api:k", body_hash=b"b") for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, GenerationView) for result in results) == 1
    assert sum(isinstance(result, DuplicateRequest) for result in results) == 3


@pytest.mark.parametrize(("funding", "count"), [(Funding.FREE, 2), (Funding.COPY, 1)])
async def test_what_the_house_does_not_pay_for_is_refused(
    shop: Shop, ann: UserView, funding: Funding, count: int
) -> None:
    with pytest.raises(ValidationFailed):
        await shop.submit(ann, funding=funding, count=count)
    assert await shop.prove() == []


async def test_copies_of_a_look_have_a_quota_of_their_own(shop: Shop, ann: UserView) -> None:
    uploads = [await shop.services.uploads.store(actor(ann), PICTURE) for _ in range(2)]
    given: dict[str, Any] = {"kind": Kind.EDIT, "model_key": "edit-standard", "ratio": "auto", "funding": Funding.COPY}
    both = tuple(upload.id for upload in uploads)
    with pytest.raises(ValidationFailed):
        await shop.submit(ann, inputs=both[:1], **given)
    results = await asyncio.gather(*(shop.submit(ann, inputs=both, **given) for _ in range(4)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["GenerationView"] + ["RateLimitExceeded"] * 3
    assert await left(shop, ann) == (1, 0)
    await shop.submit(ann, funding=FREE)
    assert await left(shop, ann) == (0, 0)
    assert await shop.balances(ann.id) == (20, 0, 2)


# Drafts


async def test_a_free_draft_costs_nothing_and_starts_once(shop: Shop, ann: UserView) -> None:
    drafts = shop.services.drafts
    draft = await drafts.create(actor(ann), NewDraft("a red kite", funding=FREE))
    assert (draft.price_credits, draft.funding, draft.options.count) == (0, FREE, 1)
    results = await asyncio.gather(
        *(drafts.start(actor(ann), draft.id, origin=Origin.BOT) for _ in range(3)), return_exceptions=True
    )
    started = [result for result in results if isinstance(result, GenerationView)]
    assert [view.funding for view in started] == [FREE]
    assert all(isinstance(result, GenerationView | DuplicateRequest) for result in results)


async def test_a_draft_becomes_free_and_is_paid_for_again(shop: Shop, ann: UserView) -> None:
    drafts = shop.services.drafts
    draft = await drafts.create(actor(ann), NewDraft("a red kite", count=3))
    free = await drafts.adjust(actor(ann), draft.id, funding=FREE)
    assert (free.id, free.price_credits, free.options.count) == (draft.id, 0, 1)
    with pytest.raises(AppError):
        await drafts.adjust(actor(ann), draft.id, count=2)
    paid = await drafts.adjust(actor(ann), draft.id, funding=Funding.CREDITS, count=3)
    assert (paid.price_credits, paid.options.count) == (12, 3)


async def test_a_free_card_does_not_change_what_is_remembered(shop: Shop, ann: UserView) -> None:
    drafts = shop.services.drafts
    draft = await drafts.create(actor(ann), NewDraft("a red kite"))
    await drafts.adjust(actor(ann), draft.id, count=3)
    await drafts.adjust(actor(ann), draft.id, funding=FREE)
    assert (await drafts.create(actor(ann), NewDraft("another"))).options.count == 3


# The watermark


async def test_every_picture_that_is_shown_has_the_watermark_and_the_original_waits(shop: Shop, ann: UserView) -> None:
    shop.downloads.data = picture(1600, 1200, "navy")
    done = await shop.work(await shop.submit(ann, funding=FREE))
    [output] = done.outputs
    assert output.watermarked
    assert done.is_watermarked
    shown = [output.storage_key, output.preview_key, output.thumbnail_key]
    for key in shown:
        assert key is not None
        assert max(high for _, high in ImageStat.Stat(opened(shop.store.objects[key])).extrema) > 180
    assert len(shop.store.objects[output.storage_key]) == output.size_bytes
    hidden = set(shop.store.objects) - set(shown)
    assert len(hidden) == 3
    for key in hidden:
        # The part that nobody can guess.
        assert len(key.rpartition("/")[2].split(".")[1]) >= 32
        assert ImageStat.Stat(opened(shop.store.objects[key])).stddev < [2, 2, 2]


async def test_what_is_paid_for_has_no_watermark_and_no_second_copy(shop: Shop, ann: UserView) -> None:
    shop.downloads.data = picture(1600, 1200, "navy")
    done = await shop.work(await shop.submit(ann))
    assert not done.is_watermarked
    assert set(shop.store.objects) == {
        done.outputs[0].storage_key,
        done.outputs[0].preview_key,
        done.outputs[0].thumbnail_key,
    }


async def test_no_quarter_of_a_watermarked_picture_is_clean(shop: Shop, ann: UserView) -> None:
    shop.downloads.data = picture(1024, 1024, "navy")
    done = await shop.work(await shop.submit(ann, funding=FREE))
    shown = opened(shop.store.objects[done.outputs[0].storage_key])
    marks = ImageChops.difference(shown, Image.new("RGB", shown.size, "navy")).convert("L")
    side = 256
    for left_edge in range(0, 1024, side):
        for top in range(0, 1024, side):
            part = marks.crop((left_edge, top, left_edge + side, top + side))
            assert ImageStat.Stat(part).extrema[0][1] > 60, (left_edge, top)


async def test_collecting_leaves_the_clean_original_and_deleting_leaves_nothing(shop: Shop, ann: UserView) -> None:
    done = await shop.work(await shop.submit(ann, funding=FREE))
    await shop.store.put(f"generations/{done.id}/99/0.jpg", b"of a loser", mime="image/jpeg")
    kept = len(shop.store.objects) - 1
    await shop.services.collector.collect(done.id)
    assert len(shop.store.objects) == kept
    assert kept == 6
    await shop.services.generations.delete(actor(ann), done.id)
    await shop.services.collector.collect(done.id)
    assert shop.store.objects == {}


async def test_erasing_forgets_the_clean_original_too(shop: Shop, ann: UserView) -> None:
    done = await shop.work(await shop.submit(ann, funding=FREE))
    await shop.services.accounts.erase(actor(ann))
    await shop.services.collector.collect(done.id)
    assert shop.store.objects == {}


async def test_the_message_says_that_there_is_a_watermark(shop: Shop, ann: UserView) -> None:
    await shop.work(await shop.submit(ann, funding=FREE))
    await shop.deliver_all()
    [outgoing] = [outgoing for _, outgoing in shop.telegram.sent if outgoing.template == "result"]
    assert outgoing.params["watermarked"] is True
