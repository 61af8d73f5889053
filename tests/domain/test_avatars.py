"""Avatars: their photos live as long as they do and go with them, and nobody else's can be used."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from app.core.errors import AppError
from app.domain.avatars.service import MOST_AVATARS
from app.domain.avatars.views import AvatarView
from app.domain.errors import (
    IdempotencyKeyReused,
    NotFound,
    UploadInvalid,
    UserBanned,
    ValidationFailed,
)
from app.domain.generations.models import Kind
from app.domain.limits.request_keys import RequestKey
from app.domain.uploads.service import ERASE_JOB
from app.domain.users.views import UserView
from tests.domain.conftest import OpenShop
from tests.domain.shop import OPERATOR, Shop, actor
from tests.fakes import PICTURE


async def photos(shop: Shop, user: UserView, count: int) -> list[UUID]:
    """So many uploads."""
    return [(await shop.services.uploads.store(actor(user), PICTURE)).id for _ in range(count)]


async def avatar(shop: Shop, user: UserView, *, count: int = 2) -> AvatarView:
    """A person of so many photos."""
    return await shop.services.avatars.create(actor(user), "Me", await photos(shop, user, count))


def fields(error: AppError) -> set[str]:
    """What does not fit."""
    named = error.params["fields"]
    assert isinstance(named, dict)
    return set(named)


async def erase_what_is_due(shop: Shop) -> None:
    """What the sweep does about uploads."""
    for job in await shop.services.uploads.ring_due(limit=99):
        await shop.services.uploads.erase(UUID(job.subject))


async def test_an_avatar_has_its_photos_in_order(shop: Shop, ann: UserView) -> None:
    ids = await photos(shop, ann, 3)
    made = await shop.services.avatars.create(actor(ann), "  Me at the sea ", ids[::-1])
    assert (made.name, [photo.id for photo in made.photos]) == ("Me at the sea", ids[::-1])
    other = await avatar(shop, ann)
    assert await shop.services.avatars.list_(actor(ann)) == (other, made)
    assert await shop.services.avatars.get(actor(ann), made.id) == made


async def test_a_living_avatar_keeps_its_photos_whatever_else_is_made_of_them(shop: Shop) -> None:
    eve = await shop.newcomer(credits=40)
    kept = await avatar(shop, eve)
    inputs = (kept.photos[0].id,)
    done = await shop.work(await shop.submit(eve, kind=Kind.EDIT, model_key="edit-standard", inputs=inputs))
    await shop.advance_clock(timedelta(days=400))
    await erase_what_is_due(shop)
    await shop.services.generations.delete(actor(eve), done.id)
    await shop.services.uploads.erase(kept.photos[0].id)
    assert all(photo.storage_key in shop.store.objects for photo in kept.photos)
    await shop.submit(eve, kind=Kind.EDIT, model_key="edit-standard", inputs=inputs)


async def test_the_photos_of_living_avatars_are_no_work_for_the_sweep(shop: Shop, ann: UserView) -> None:
    """Its cost follows open work: an index that holds them would be read whole every three seconds."""
    kept = await avatar(shop, ann)
    await shop.run_sql(
        "UPDATE uploads SET settled_at = clock_now() - interval '9 days' WHERE id = :id", id=kept.photos[0].id
    )
    conditions = await shop.run_sql(
        "SELECT pg_get_expr(indpred, indrelid) AS condition FROM pg_index"
        " WHERE indexrelid IN ('uploads_unused'::regclass, 'uploads_settled'::regclass)"
    )
    for row in conditions:
        assert await shop.scalar(f"SELECT count(*) FROM uploads WHERE {row['condition']}") == 0


async def test_an_avatars_photos_go_with_it(shop: Shop, ann: UserView) -> None:
    kept = await avatar(shop, ann)
    await shop.services.avatars.delete(actor(ann), kept.id)
    rung = {job.subject for job in shop.bell.jobs if job.name == ERASE_JOB}
    assert rung == {str(photo.id) for photo in kept.photos}
    for photo in kept.photos:
        await shop.services.uploads.erase(photo.id)
    assert shop.store.objects == {}
    assert await shop.services.avatars.list_(actor(ann)) == ()
    assert await shop.run_sql("SELECT name, photos FROM avatars") == [{"name": "", "photos": []}]
    with pytest.raises(NotFound):
        await shop.services.avatars.delete(actor(ann), kept.id)


async def test_a_photo_of_two_avatars_stays_until_the_second_goes(shop: Shop, ann: UserView) -> None:
    shared = await photos(shop, ann, 1)
    first, second = [await shop.services.avatars.create(actor(ann), name, shared) for name in ("A", "B")]
    await shop.services.avatars.delete(actor(ann), first.id)
    await shop.advance_clock(timedelta(days=2))
    await erase_what_is_due(shop)
    assert len(shop.store.objects) == 1
    await shop.services.avatars.delete(actor(ann), second.id)
    await erase_what_is_due(shop)
    assert shop.store.objects == {}


async def test_an_open_generation_keeps_the_photos_of_a_deleted_avatar(shop: Shop, ann: UserView) -> None:
    kept = await avatar(shop, ann, count=1)
    inputs = (kept.photos[0].id,)
    open_ = await shop.submit(ann, kind=Kind.EDIT, model_key="edit-standard", inputs=inputs)
    await shop.services.avatars.delete(actor(ann), kept.id)
    await erase_what_is_due(shop)
    assert len(shop.store.objects) == 1
    assert (await shop.work(open_)).outputs


async def test_who_leaves_leaves_no_avatar_and_no_photo(shop: Shop, ann: UserView) -> None:
    await avatar(shop, ann)
    await shop.services.accounts.erase(actor(ann))
    await erase_what_is_due(shop)
    assert shop.store.objects == {}
    assert await shop.run_sql("SELECT name, photos FROM avatars WHERE deleted_at IS NOT NULL") == [
        {"name": "", "photos": []}
    ]


@pytest.mark.parametrize(
    ("name", "count", "field"),
    [
        ("", 1, "name"),
        ("   ", 1, "name"),
        ("x" * 41, 1, "name"),
        ("a\0b", 1, "name"),
        ("A", 0, "inputs"),
        ("A", 11, "inputs"),
    ],
)
async def test_what_is_no_avatar_is_refused(shop: Shop, ann: UserView, name: str, count: int, field: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        await shop.services.avatars.create(actor(ann), name, [uuid4() for _ in range(count)])
    assert fields(refused.value) == {field}


async def test_a_photo_counts_once(shop: Shop, ann: UserView) -> None:
    ids = await photos(shop, ann, 1)
    with pytest.raises(ValidationFailed):
        await shop.services.avatars.create(actor(ann), "A", ids * 2)


async def test_nobody_uses_or_sees_or_deletes_somebody_elses(shop: Shop, ann: UserView) -> None:
    kept = await avatar(shop, ann)
    bob = await shop.newcomer(700_000_002)
    with pytest.raises(NotFound):
        await shop.services.avatars.create(actor(bob), "Ann", [kept.photos[0].id])
    with pytest.raises(NotFound):
        await shop.services.avatars.get(actor(bob), kept.id)
    with pytest.raises(NotFound):
        await shop.services.avatars.delete(actor(bob), kept.id)
    assert await shop.services.avatars.list_(actor(bob)) == ()
    assert await shop.services.avatars.get(actor(ann), kept.id) == kept


async def test_a_photo_that_is_not_kept_any_more_is_said_to_be_gone(shop: Shop, ann: UserView) -> None:
    ids = await photos(shop, ann, 2)
    await shop.advance_clock(timedelta(hours=25))
    with pytest.raises(UploadInvalid) as refused:
        await shop.services.avatars.create(actor(ann), "A", ids)
    assert refused.value.params["problem"] == "gone"
    assert await shop.scalar("SELECT sum(avatar_count) FROM uploads") == 0


async def test_who_is_banned_makes_none(shop: Shop, ann: UserView) -> None:
    ids = await photos(shop, ann, 1)
    await shop.services.users.ban(OPERATOR, ann.telegram_id or 0, reason="spam")
    with pytest.raises(UserBanned):
        await shop.services.avatars.create(actor(ann), "A", ids)


async def test_nobody_has_more_than_ten_however_quick_they_are(open_shop: OpenShop) -> None:
    shops = [await open_shop(), await open_shop()]
    ann = await shops[0].newcomer()
    ids = await photos(shops[0], ann, 1)
    tries = MOST_AVATARS + 5
    outcomes = await asyncio.gather(
        *(shops[at % 2].services.avatars.create(actor(ann), f"No. {at}", ids) for at in range(tries)),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, AppError)]
    assert len(refused) == 5
    assert all(fields(error) == {"avatars"} for error in refused)
    assert len(await shops[0].services.avatars.list_(actor(ann))) == MOST_AVATARS
    assert await shops[0].scalar("SELECT avatar_count FROM uploads") == MOST_AVATARS


async def test_a_photo_erased_between_look_and_hold_makes_no_avatar(shop: Shop, ann: UserView) -> None:
    ids = await photos(shop, ann, 1)
    await shop.run_sql("UPDATE uploads SET expires_at = clock_now() + interval '20 milliseconds'")
    outcomes = await asyncio.gather(
        *(shop.services.avatars.create(actor(ann), f"{at}", ids) for at in range(3)),
        *(shop.services.uploads.erase(ids[0]) for _ in range(3)),
        return_exceptions=True,
    )
    made = [outcome for outcome in outcomes if isinstance(outcome, AvatarView)]
    assert all(isinstance(outcome, NotFound | UploadInvalid) for outcome in outcomes[:3] if outcome not in made)
    await shop.advance_clock(timedelta(minutes=1))
    await erase_what_is_due(shop)
    assert len(shop.store.objects) == bool(made)


async def test_the_same_key_is_the_same_avatar(open_shop: OpenShop) -> None:
    shops = [await open_shop(), await open_shop()]
    ann = await shops[0].newcomer()
    ids = await photos(shops[0], ann, 1)
    key = RequestKey("avatar-1", "avatars", b"body")
    made = await asyncio.gather(
        *(shops[at % 2].services.avatars.create(actor(ann), "A", ids, request_key=key) for at in range(6))
    )
    assert len({view.id for view in made}) == 1
    assert sorted(view.is_repeat for view in made) == [False] + [True] * 5
    with pytest.raises(IdempotencyKeyReused):
        await shops[0].services.avatars.create(
            actor(ann), "B", ids, request_key=RequestKey("avatar-1", "avatars", b"other")
        )
    await shops[0].services.avatars.delete(actor(ann), made[0].id)
    with pytest.raises(NotFound):
        await shops[0].services.avatars.create(actor(ann), "A", ids, request_key=key)


async def test_who_is_not_asked_for_a_name_is_called_after_the_owner(shop: Shop, ann: UserView) -> None:
    ids = await photos(shop, ann, 1)
    made = [
        await shop.services.avatars.create_next(actor(ann), ids, request_key=RequestKey(f"chat:{at}", "avatars", b""))
        for at in range(2)
    ]
    assert [each.name for each in made] == ["Ann", "Ann 2"]
    nobody = await shop.enter(700_000_003, name="  ")
    ids = await photos(shop, nobody.user, 1)
    key = RequestKey("chat:3", "avatars", b"")
    assert (await shop.services.avatars.create_next(actor(nobody.user), ids, request_key=key)).name == "1"


async def test_photos_that_come_late_are_added_once_and_as_far_as_there_is_room(shop: Shop, ann: UserView) -> None:
    made = await avatar(shop, ann, count=8)
    late = await photos(shop, ann, 4)
    for _ in range(2):
        grown = await shop.services.avatars.extend(actor(ann), made.id, [made.photos[0].id, *late])
    assert [photo.id for photo in grown.photos] == [photo.id for photo in made.photos] + late[:2]
    assert await shop.scalar("SELECT sum(avatar_count) FROM uploads") == 10
    await shop.services.avatars.delete(actor(ann), made.id)
    assert await shop.scalar("SELECT sum(avatar_count) FROM uploads") == 0
    with pytest.raises(NotFound):
        await shop.services.avatars.extend(actor(ann), made.id, late)
