"""Pictures that users send: what is taken, how long it is kept, and that it goes when its owner says so."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import timedelta
from uuid import UUID

import pillow_heif
import pytest
from PIL import Image

from app.core.media_inputs import PreparedInput
from app.core.media_processes import MediaUnavailable
from app.domain.actors import Actor
from app.domain.errors import (
    IdempotencyKeyReused,
    NotFound,
    ProviderUnavailable,
    RateLimitExceeded,
    UploadInvalid,
    UploadTooLarge,
    UserBanned,
    UserNotFound,
)
from app.domain.generations.models import Kind, Origin, Status
from app.domain.generations.views import GenerationView
from app.domain.uploads.service import ERASE_JOB
from app.domain.users.views import UserView
from tests.domain.conftest import OpenShop
from tests.domain.shop import OPERATOR, Shop, actor
from tests.fakes import PICTURE, picture

_UPRIGHT_FIRST = 6


def rotated_photo() -> bytes:
    """A photo that lies on its side, with a place and a maker in its metadata."""
    exif = Image.Exif()
    exif[0x0112] = _UPRIGHT_FIRST
    exif[0x010F] = "a maker of cameras"
    exif.get_ifd(0x8825)[1] = "N"
    out = io.BytesIO()
    Image.new("RGB", (40, 20), "blue").save(out, "JPEG", exif=exif)
    return out.getvalue()


async def edit(shop: Shop, user: UserView, *inputs: UUID) -> GenerationView:
    """Have something made of these."""
    return await shop.submit(user, "a hat", kind=Kind.EDIT, model_key="edit-standard", inputs=inputs)


async def test_a_photo_stands_upright_and_tells_nothing_of_where_it_was_taken(shop: Shop, ann: UserView) -> None:
    view = await shop.services.uploads.store(actor(ann), rotated_photo())
    kept = Image.open(io.BytesIO(shop.store.objects[view.storage_key]))
    assert (view.mime, view.width, view.height) == ("image/jpeg", 20, 40)
    assert kept.size == (20, 40)
    assert not kept.getexif()
    assert b"maker" not in shop.store.objects[view.storage_key]


async def test_keys_cannot_be_guessed(shop: Shop, ann: UserView) -> None:
    views = [await shop.services.uploads.store(actor(ann), PICTURE) for _ in range(2)]
    names = {view.storage_key.removeprefix(f"uploads/{ann.id}/").partition(".")[0] for view in views}
    assert len(names) == 2
    assert all(len(name) >= 32 for name in names)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "format"),
        (b"GIF89a" + bytes(20), "format"),
        (PICTURE[:200], "damaged"),
    ],
)
async def test_what_is_no_picture_is_refused_and_leaves_nothing(
    shop: Shop, ann: UserView, data: bytes, problem: str
) -> None:
    with pytest.raises(UploadInvalid) as refused:
        await shop.services.uploads.store(actor(ann), data, filename="photo.jpg")
    assert refused.value.params["problem"] == problem
    assert shop.store.objects == {}
    assert await shop.scalar("SELECT count(*) FROM uploads") == 0


async def test_a_bomb_is_refused_before_it_is_decoded(open_shop: OpenShop) -> None:
    shop = await open_shop(upload_max_megapixels=1)
    user = await shop.newcomer()
    with pytest.raises(UploadInvalid) as refused:
        await shop.services.uploads.store(actor(user), picture(1001, 1000))
    assert refused.value.params["problem"] == "too_many_pixels"


async def test_a_stream_is_read_no_further_than_the_limit(open_shop: OpenShop) -> None:
    shop = await open_shop(upload_max_megabytes=1)
    user = await shop.newcomer()
    parts = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal parts
        while True:
            parts += 1
            yield bytes(100_000)

    with pytest.raises(UploadTooLarge) as refused:
        await shop.services.uploads.store(actor(user), endless())
    assert refused.value.params == {"limit_megabytes": 1}
    assert parts == 11


async def test_who_is_banned_sends_nothing(shop: Shop, ann: UserView) -> None:
    await shop.services.users.ban(OPERATOR, ann.telegram_id or 0, reason="spam")
    with pytest.raises(UserBanned):
        await shop.services.uploads.store(actor(ann), PICTURE)


async def test_the_same_key_is_the_same_upload(shop: Shop, ann: UserView) -> None:
    uploads = shop.services.uploads
    views = await asyncio.gather(*(uploads.store(actor(ann), PICTURE, key="k") for _ in range(5)))
    assert len({view.id for view in views}) == 1
    assert sum(not view.is_repeat for view in views) == 1
    with pytest.raises(IdempotencyKeyReused):
        await uploads.store(actor(ann), picture(colour="green"), key="k")


async def test_a_store_that_is_away_takes_nothing(shop: Shop, ann: UserView) -> None:
    shop.store.outages = 1
    with pytest.raises(ProviderUnavailable):
        await shop.services.uploads.store(actor(ann), PICTURE)
    found = await shop.run_sql("SELECT id FROM uploads")
    with pytest.raises(UploadInvalid):
        await edit(shop, ann, found[0]["id"])


async def test_a_photo_that_cannot_be_looked_at_is_not_called_damaged(
    shop: Shop, ann: UserView, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(data: bytes) -> PreparedInput:
        raise MediaUnavailable("no memory")

    monkeypatch.setattr(shop.input_preparer, "prepare", fail)
    with pytest.raises(ProviderUnavailable):
        await shop.services.uploads.store(actor(ann), PICTURE)
    assert shop.store.objects == {}


async def test_a_photo_never_waits_for_videos(shop: Shop, ann: UserView) -> None:
    out = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), "red")).save(out)
    turns = shop.preparer._videos._processes._turns
    async with turns, turns, asyncio.timeout(60):
        assert turns.locked()
        view = await shop.services.uploads.store(actor(ann), out.getvalue())
    assert (view.mime, view.width, view.height) == ("image/jpeg", 64, 48)


async def test_nobody_has_many_uploads_on_their_way_and_all_together_not_too_many(shop: Shop) -> None:
    uploads = shop.services.uploads
    with ExitStack() as under_way:
        for user_id in range(1, 9):
            for _ in range(4):
                under_way.enter_context(uploads.admit(Actor.user(user_id)))
            with pytest.raises(RateLimitExceeded) as refused, uploads.admit(Actor.user(user_id)):
                raise AssertionError("let in")
            assert refused.value.params["limit"] == 4
        with pytest.raises(RateLimitExceeded) as refused, uploads.admit(Actor.user(9)):
            raise AssertionError("let in")
        assert refused.value.params["limit"] == 32
    with uploads.admit(Actor.user(1)), pytest.raises(UploadInvalid), uploads.admit(Actor.user(2)):
        raise UploadInvalid(problem="empty")
    assert not uploads._under_way


async def test_what_is_not_used_goes_after_a_day(shop: Shop, ann: UserView) -> None:
    view = await shop.services.uploads.store(actor(ann), PICTURE)
    assert await shop.services.uploads.ring_due(limit=9) == []
    await shop.advance_clock(timedelta(hours=25))
    with pytest.raises(UploadInvalid) as refused:
        await edit(shop, ann, view.id)
    assert refused.value.params["problem"] == "gone"
    jobs = await shop.services.uploads.ring_due(limit=9)
    assert [(job.name, job.subject) for job in jobs] == [(ERASE_JOB, str(view.id))]
    await shop.services.uploads.erase(view.id)
    assert shop.store.objects == {}
    assert await shop.scalar("SELECT count(*) FROM uploads") == 0


async def test_an_open_generation_keeps_its_inputs_however_long_it_takes(shop: Shop, ann: UserView) -> None:
    view = await shop.services.uploads.store(actor(ann), PICTURE)
    open_ = await edit(shop, ann, view.id)
    await shop.advance_clock(timedelta(days=3))
    assert await shop.services.uploads.ring_due(limit=9) == []
    await shop.services.uploads.erase(view.id)
    assert view.storage_key in shop.store.objects
    assert (await shop.work(open_)).status is Status.COMPLETED


@pytest.mark.parametrize(("hours", "kept"), [(24, True), (0, False)])
async def test_inputs_are_kept_for_a_while_after_settling(open_shop: OpenShop, *, hours: int, kept: bool) -> None:
    shop = await open_shop(inputs_kept_hours=hours)
    user = await shop.newcomer()
    upload = await shop.services.uploads.store(actor(user), PICTURE)
    done = await shop.work(await edit(shop, user, upload.id))
    assert [job.subject for job in await shop.services.uploads.ring_due(limit=9)] == ([] if kept else [str(upload.id)])
    if kept:
        again = await shop.services.drafts.repeat(actor(user), done.id, variation=False)
        assert again.inputs == (upload.id,)
    else:
        with pytest.raises(UploadInvalid):
            await shop.services.drafts.repeat(actor(user), done.id, variation=False)


async def test_the_button_of_an_old_result_asks_for_the_photo_again(shop: Shop) -> None:
    user = await shop.newcomer(credits=40)
    upload = await shop.services.uploads.store(actor(user), PICTURE)
    await shop.work(await edit(shop, user, upload.id))
    draft_id = await shop.scalar("SELECT id FROM drafts ORDER BY created_at LIMIT 1")
    await shop.run_sql("UPDATE uploads SET settled_at = clock_now() - interval '2 days'")
    await shop.services.uploads.erase(upload.id)
    before = await shop.balances(user.id)
    with pytest.raises(UploadInvalid) as refused:
        await shop.services.drafts.start(actor(user), draft_id, origin=Origin.BOT)
    assert refused.value.params["problem"] == "gone"
    assert await shop.balances(user.id) == before


async def test_an_input_erased_between_look_and_hold_is_refused_and_costs_nothing(shop: Shop, ann: UserView) -> None:
    """The hold looks again, under the lock: whoever comes first wins, and nothing is half done."""
    view = await shop.services.uploads.store(actor(ann), PICTURE)
    await shop.run_sql("UPDATE uploads SET expires_at = clock_now() + interval '50 milliseconds'")
    outcomes = await asyncio.gather(
        *(edit(shop, ann, view.id) for _ in range(3)), shop.services.uploads.erase(view.id), return_exceptions=True
    )
    accepted = [outcome for outcome in outcomes[:3] if not isinstance(outcome, BaseException)]
    assert all(isinstance(outcome, UploadInvalid | NotFound) for outcome in outcomes[:3] if outcome not in accepted)
    assert bool(accepted) is (view.storage_key in shop.store.objects) or not accepted
    assert await shop.prove() == []


async def test_somebody_elses_upload_is_not_found(shop: Shop, ann: UserView) -> None:
    view = await shop.services.uploads.store(actor(ann), PICTURE)
    bob = await shop.newcomer(700_000_002)
    with pytest.raises(NotFound):
        await edit(shop, bob, view.id)


async def test_deleting_a_generation_deletes_what_it_was_made_from(shop: Shop, ann: UserView) -> None:
    upload = await shop.services.uploads.store(actor(ann), PICTURE)
    done = await shop.work(await edit(shop, ann, upload.id))
    await shop.services.generations.delete(actor(ann), done.id)
    assert any(job.name == ERASE_JOB and job.subject == str(upload.id) for job in shop.bell.jobs)
    await shop.services.uploads.erase(upload.id)
    assert upload.storage_key not in shop.store.objects


async def test_erasing_ones_data_erases_the_photos(shop: Shop, ann: UserView) -> None:
    view = await shop.services.uploads.store(actor(ann), PICTURE)
    await shop.services.accounts.erase(Actor.user(ann.id))
    assert any(job.name == ERASE_JOB and job.subject == str(view.id) for job in shop.bell.jobs)
    await shop.services.uploads.erase(view.id)
    assert shop.store.objects == {}


async def test_a_photo_that_arrives_after_its_owner_has_left_is_not_kept(shop: Shop, ann: UserView) -> None:
    """Trap 35: the object is on its way while the data is deleted."""
    gate = asyncio.Event()
    put = shop.store.put

    async def slow_put(key: str, data: bytes, *, mime: str) -> None:
        gate.set()
        await asyncio.sleep(0)
        await shop.services.accounts.erase(Actor.user(ann.id))
        await put(key, data, mime=mime)

    vars(shop.store)["put"] = slow_put
    with pytest.raises(UserNotFound):
        await shop.services.uploads.store(actor(ann), PICTURE)
    assert gate.is_set()
    assert shop.store.objects == {}
