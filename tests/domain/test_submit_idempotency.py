"""One request, one generation, however often it is sent (spec §5, promise 2, traps 13, 29, 32, 33)."""

import asyncio
from typing import Any

import pytest

from app.core.errors import AppError
from app.core.jobs import Queue
from app.domain.actors import Actor
from app.domain.errors import DuplicateRequest, IdempotencyKeyReused
from app.domain.generations.models import Kind, Status
from app.domain.generations.requests import NewDraft
from app.domain.generations.views import GenerationView
from app.domain.limits.request_keys import RequestKey
from app.domain.ports import ProviderFailed
from app.domain.users.views import UserView
from tests.domain.shop import Shop, actor
from tests.fakes import PICTURE

KEY: dict[str, Any] = {"request_key": "api:once", "body_hash": b"body"}


async def in_parallel(shop: Shop, user: UserView, times: int, **fields: Any) -> list[GenerationView | AppError]:
    results = await asyncio.gather(*(shop.submit(user, **fields) for _ in range(times)), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, AppError):
            raise result
    return [result for result in results if isinstance(result, GenerationView | AppError)]


def codes(results: list[GenerationView | AppError]) -> list[str]:
    return sorted(result.code if isinstance(result, AppError) else "accepted" for result in results)


async def test_the_same_key_is_a_duplicate_while_it_waits_works_and_is_done(shop: Shop, ann: UserView) -> None:
    first = await shop.submit(ann, **KEY)
    for status in (Status.PENDING, Status.PROCESSING, Status.COMPLETED):
        assert (await shop.look(first)).status is status
        with pytest.raises(DuplicateRequest) as raised:
            await shop.submit(ann, **KEY)
        assert raised.value.params == {"generation_id": str(first.id)}
        if status is not Status.COMPLETED:
            await shop.step(first)
    assert await shop.balances(ann.id) == (16, 0, 0)


@pytest.mark.parametrize("ending", [Status.FAILED, Status.CANCELLED])
async def test_a_clients_key_may_be_used_again_after(shop: Shop, ann: UserView, ending: Status) -> None:
    first = await shop.submit(ann, **KEY)
    await end(shop, first, ending)
    second = await shop.submit(ann, **KEY)
    assert second.id != first.id
    with pytest.raises(DuplicateRequest) as raised:
        await shop.submit(ann, **KEY)
    assert raised.value.params == {"generation_id": str(second.id)}


@pytest.mark.parametrize("ending", [Status.FAILED, Status.CANCELLED])
@pytest.mark.parametrize("key", ["tg:123", "draft:0197"])
async def test_the_key_of_an_update_or_a_draft_is_never_used_again(
    shop: Shop, ann: UserView, ending: Status, key: str
) -> None:
    first = await shop.submit(ann, request_key=key)
    await end(shop, first, ending)
    with pytest.raises(DuplicateRequest) as raised:
        await shop.submit(ann, request_key=key)
    assert raised.value.params == {"generation_id": str(first.id)}
    assert await shop.balances(ann.id) == (20, 0, 0)


async def end(shop: Shop, view: GenerationView, ending: Status) -> None:
    if ending is Status.CANCELLED:
        await shop.services.generations.cancel(Actor.user(view.user_id), view.id)
    else:
        shop.vendor.will_answer(*(ProviderFailed("no") for _ in range(4)))
        await shop.work(view)
    assert (await shop.look(view)).status is ending


async def test_another_body_under_the_same_key_is_refused(shop: Shop, ann: UserView) -> None:
    await shop.submit(ann, **KEY)
    with pytest.raises(IdempotencyKeyReused):
        await shop.submit(ann, **(KEY | {"body_hash": b"another"}))


@pytest.mark.parametrize(
    "changed",
    [
        "UPDATE styles SET template = '{prompt}' WHERE key = 'anime'",
        "UPDATE styles SET enabled = false WHERE key = 'anime'",
        "UPDATE styles SET options = '{\"inputs\": 2}' WHERE key = 'anime'",
        "DELETE FROM styles WHERE key = 'anime'",
        "UPDATE models SET enabled = false WHERE key = 'edit-standard'",
    ],
)
async def test_a_known_key_is_answered_first_whatever_became_of_the_style(
    shop: Shop, ann: UserView, changed: str
) -> None:
    """A client that heard no answer has to learn of its generation, and not that it could not order one now."""
    photo = await shop.services.uploads.store(actor(ann), PICTURE)
    styled: dict[str, Any] = {"kind": Kind.EDIT, "model_key": "edit-standard", "ratio": "auto", "style_key": "anime"}
    first = await shop.submit(ann, "", inputs=(photo.id,), **styled, **KEY)
    new = NewDraft("", kind=Kind.EDIT, style_key="anime", inputs=(photo.id,))
    key = RequestKey("once", "POST /drafts", b"body")
    draft = await shop.services.drafts.create(actor(ann), new, request_key=key)
    await shop.run_sql(changed)
    shop.services.catalog.forget()
    with pytest.raises(DuplicateRequest) as raised:
        await shop.submit(ann, "", inputs=(photo.id,), **styled, **KEY)
    assert raised.value.params == {"generation_id": str(first.id)}
    assert (await shop.services.drafts.create(actor(ann), new, request_key=key)).id == draft.id


async def test_two_users_may_choose_the_same_key(shop: Shop, ann: UserView) -> None:
    bob = await shop.newcomer(700_000_002)
    assert (await shop.submit(ann, **KEY)).id != (await shop.submit(bob, **KEY)).id


async def test_ten_at_once_with_one_key_are_one_generation(shop: Shop, ann: UserView) -> None:
    results = await in_parallel(shop, ann, 10, **KEY)
    assert codes(results) == ["DUPLICATE_REQUEST"] * 9 + ["accepted"]
    (accepted,) = [result for result in results if isinstance(result, GenerationView)]
    ids = {result.params["generation_id"] for result in results if isinstance(result, AppError)}
    assert ids == {str(accepted.id)}
    # A lost race has taken no credits (trap 33).
    assert await shop.balances(ann.id) == (16, 4, 1)
    assert shop.rung(Queue.GENERATION) == 1
    assert await shop.prove() == []


@pytest.mark.parametrize("in_the_way", ["credits", "active", "rate"])
async def test_the_losers_of_a_race_are_duplicates_whatever_else_the_winner_used_up(
    shop: Shop, in_the_way: str
) -> None:
    """Idempotency comes before active, rate and credits, also for those who lost the race for the last of them."""
    user = await shop.newcomer(700_000_003, credits=4 if in_the_way == "credits" else 1000)
    if in_the_way == "active":
        for _ in range(4):
            await shop.submit(user)
    if in_the_way == "rate":
        for _ in range(9):
            await shop.work(await shop.submit(user))
    results = await in_parallel(shop, user, 10, **KEY)
    assert codes(results) == ["DUPLICATE_REQUEST"] * 9 + ["accepted"]
    assert await shop.prove() == []


async def test_a_draft_tapped_ten_times_is_one_generation(shop: Shop, ann: UserView) -> None:
    results = await in_parallel(shop, ann, 10, request_key="draft:0197")
    assert codes(results) == ["DUPLICATE_REQUEST"] * 9 + ["accepted"]
    assert await shop.balances(ann.id) == (16, 4, 1)


async def test_a_double_tap_against_its_own_settling_never_deadlocks(shop: Shop) -> None:
    """Trap 32: submit locks user then key, settle locks user then generation; 200 rounds of both at once."""
    user = await shop.newcomer(700_000_004, credits=10_000)
    await shop.run_sql("UPDATE users SET tier = 'vip'")
    rounds = 200
    for number in range(rounds):
        fields: dict[str, Any] = {"request_key": f"api:{number}", "body_hash": b"body"}
        first = await shop.submit(user, **fields)
        await shop.step(first)
        tapped, _ = await asyncio.gather(in_parallel(shop, user, 1, **fields), shop.work(first))
        assert codes(tapped) == ["DUPLICATE_REQUEST"]
        if number % 50 == 49:
            # Otherwise the minute's limit of the tier would answer first.
            await shop.run_sql("UPDATE generations SET created_at = created_at - interval '2 hours'")
    assert await shop.balances(user.id) == (10_000 - 4 * rounds, 0, 0)
    assert await shop.prove() == []


async def test_cancelling_against_a_claim_ends_once(shop: Shop) -> None:
    user = await shop.newcomer(700_000_005, credits=1000)
    await shop.run_sql("UPDATE users SET tier = 'vip'")
    for _ in range(30):
        accepted = await shop.submit(user)
        results = await asyncio.gather(
            shop.services.generations.cancel(actor(user), accepted.id), shop.step(accepted), return_exceptions=True
        )
        assert all(result is None or isinstance(result, GenerationView | AppError) for result in results)
        if (await shop.look(accepted)).is_open:
            await shop.work(accepted)
    assert await shop.prove() == []
    assert (await shop.balances(user.id))[1:] == (0, 0)
