"""How much one user may ask for: by tier, by model, in windows that move with the product's clock (spec §4)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core.errors import AppError
from app.domain.errors import InsufficientCredits, MaxActiveGenerations, RateLimitExceeded
from app.domain.generations.models import Status
from app.domain.generations.views import GenerationView
from app.domain.users.views import UserView
from tests.domain.conftest import OpenShop
from tests.domain.shop import OPERATOR, Shop


async def rich(shop: Shop, tier: str = "free") -> UserView:
    user = await shop.newcomer(credits=100_000)
    await shop.services.users.set_tier(OPERATOR, 700_000_001, tier=tier, until=None, reason="a test")
    return user


async def parallel(shop: Shop, user: UserView, times: int) -> list[str]:
    results = await asyncio.gather(*(shop.submit(user) for _ in range(times)), return_exceptions=True)
    return sorted(
        result.code if isinstance(result, AppError) else type(result).__name__.replace("GenerationView", "accepted")
        for result in results
    )


async def settled_ago(shop: Shop, user: UserView, ages: list[timedelta], *, model: str = "image-standard") -> None:
    """Generations that were accepted so long ago, by the product's clock, and are over."""
    for age in ages:
        await shop.run_sql(
            """
            INSERT INTO generations (id, user_id, kind, model_key, prompt, options, output_count, seed, origin, funding,
                price_credits, start_by, status, created_at)
            VALUES (gen_random_uuid(), :id, 'image', :model, '', '{}', 1, 1, 'api', 'credits', 0, now(), 'FAILED',
                clock_now() - CAST(:age AS interval))
            """,
            id=user.id,
            age=age,
            model=model,
        )


async def test_ten_at_once_with_credits_for_three_are_three(shop: Shop) -> None:
    user = await shop.newcomer(credits=14)
    assert await parallel(shop, user, 10) == ["INSUFFICIENT_CREDITS"] * 7 + ["accepted"] * 3
    assert await shop.balances(user.id) == (2, 12, 3)
    assert await shop.prove() == []


async def test_ten_at_once_with_credits_for_all_are_five(shop: Shop) -> None:
    user = await rich(shop)
    assert await parallel(shop, user, 10) == ["MAX_ACTIVE_GENERATIONS"] * 5 + ["accepted"] * 5
    assert await shop.balances(user.id) == (100_000 - 20, 20, 5)
    assert await shop.prove() == []


async def test_fifteen_in_a_minute_one_after_another_are_ten(shop: Shop) -> None:
    user = await rich(shop)
    outcomes = []
    for _ in range(15):
        try:
            done = await shop.work(await shop.submit(user))
        except RateLimitExceeded as error:
            outcomes.append(error.code)
        else:
            outcomes.append(done.status)
    assert outcomes == [Status.COMPLETED] * 10 + ["RATE_LIMIT_EXCEEDED"] * 5
    assert await shop.balances(user.id) == (100_000 - 40, 0, 0)
    assert await shop.prove() == []


@pytest.mark.parametrize(("tier", "limit"), [("free", 5), ("premium", 10), ("vip", 20)])
async def test_each_tier_has_its_active_generations(shop: Shop, tier: str, limit: int) -> None:
    user = await rich(shop, tier)
    for _ in range(limit):
        await shop.submit(user)
    with pytest.raises(MaxActiveGenerations) as raised:
        await shop.submit(user)
    assert raised.value.params == {"limit": limit}


@pytest.mark.parametrize(("tier", "limit"), [("free", 10), ("premium", 30), ("vip", 60)])
async def test_each_tier_has_its_minute(shop: Shop, tier: str, limit: int) -> None:
    user = await rich(shop, tier)
    # Not one second before the minute's end, which a busy machine needs until it submits.
    await settled_ago(shop, user, [timedelta(seconds=40)] * limit + [timedelta(seconds=61)])
    with pytest.raises(RateLimitExceeded) as raised:
        await shop.submit(user)
    assert raised.value.params["limit"] == limit


@pytest.mark.parametrize(("tier", "limit"), [("free", 60), ("premium", 300)])
async def test_each_tier_has_its_hour(shop: Shop, tier: str, limit: int) -> None:
    user = await rich(shop, tier)
    await settled_ago(shop, user, [timedelta(minutes=59)] * limit + [timedelta(minutes=61)] * 3)
    with pytest.raises(RateLimitExceeded) as raised:
        await shop.submit(user)
    assert raised.value.params["limit"] == limit


async def test_one_below_the_limit_is_accepted(shop: Shop) -> None:
    user = await rich(shop)
    await settled_ago(shop, user, [timedelta(minutes=10)] * 50 + [timedelta(seconds=20)] * 9)
    assert (await shop.submit(user)).status is Status.PENDING


@pytest.mark.parametrize(
    ("ages", "retry_after"),
    [
        # The tenth newest must leave the minute.
        ([50] + [10] * 9, 10),
        ([50] * 3 + [40] * 3 + [30] * 6, 10),
        ([50] * 2 + [40] * 8, 10),
        # The sixtieth newest must leave the hour.
        ([3_500] * 5 + [1_200] * 58, 100),
        ([2_400] * 2 + [1_200] * 58, 1_200),
        # Both are full: the one that opens last counts.
        ([1_200] * 50 + [10] * 10, 2_400),
    ],
)
async def test_retry_after_is_when_the_next_is_accepted(shop: Shop, ages: list[int], retry_after: int) -> None:
    user = await rich(shop)
    await settled_ago(shop, user, [timedelta(seconds=age) for age in ages])
    told = await retry_after_of(shop, user)
    # The rows were written a moment ago, so that the wait is a little shorter than their ages say.
    assert retry_after - 3 <= told <= retry_after
    await shop.advance_clock(timedelta(seconds=told))
    assert (await shop.submit(user)).status is Status.PENDING


async def retry_after_of(shop: Shop, user: UserView) -> int:
    with pytest.raises(RateLimitExceeded) as raised:
        await shop.submit(user)
    told = raised.value.params["retry_after"]
    assert isinstance(told, int)
    assert told > 0
    return told


async def test_the_windows_move_with_the_products_clock(shop: Shop) -> None:
    user = await rich(shop)
    for _ in range(10):
        await shop.work(await shop.submit(user))
    await retry_after_of(shop, user)
    await shop.advance_clock(timedelta(seconds=61))
    assert (await shop.submit(user)).status is Status.PENDING


async def test_a_tier_that_has_run_out_is_free_again(shop: Shop) -> None:
    user = await shop.newcomer(credits=1000)
    until = datetime.now(UTC) + timedelta(hours=1)
    await shop.services.users.set_tier(OPERATOR, 700_000_001, tier="premium", until=until, reason="a gift")
    for _ in range(6):
        await shop.submit(user)
    await shop.advance_clock(timedelta(hours=2))
    assert (await shop.services.users.get(user.id)).tier == "free"
    with pytest.raises(MaxActiveGenerations) as raised:
        await shop.submit(user)
    assert raised.value.params == {"limit": 5}


async def model_limit(shop: Shop, **limits: Any) -> None:
    for column, value in limits.items():
        await shop.run_sql(f"UPDATE models SET {column} = :value WHERE key = 'image-pro'", value=value)
    shop.services.catalog.forget()


async def test_a_model_may_have_fewer_active_generations(shop: Shop) -> None:
    user = await rich(shop)
    await model_limit(shop, max_active=2)
    first = await shop.submit(user, model_key="image-pro")
    await shop.submit(user, model_key="image-pro")
    with pytest.raises(MaxActiveGenerations) as raised:
        await shop.submit(user, model_key="image-pro")
    assert raised.value.params == {"limit": 2, "model": "image-pro"}
    assert await shop.balances(user.id) == (100_000 - 20, 20, 2)
    await shop.submit(user)
    await shop.work(first)
    await shop.submit(user, model_key="image-pro")
    assert await shop.prove() == []


async def test_a_models_active_generations_count_however_old_they_are(shop: Shop) -> None:
    """A task parked at a vendor that is away may stay open for a day."""
    user = await rich(shop)
    await model_limit(shop, max_active=1)
    await shop.submit(user, model_key="image-pro")
    await shop.advance_clock(timedelta(hours=3))
    with pytest.raises(MaxActiveGenerations):
        await shop.submit(user, model_key="image-pro")


async def test_a_model_may_have_fewer_an_hour(shop: Shop) -> None:
    user = await rich(shop)
    await model_limit(shop, max_per_hour=3)
    await settled_ago(shop, user, [timedelta(minutes=30)] * 2 + [timedelta(minutes=40)], model="image-pro")
    await settled_ago(shop, user, [timedelta(minutes=5)] * 5)
    with pytest.raises(RateLimitExceeded) as raised:
        await shop.submit(user, model_key="image-pro")
    assert raised.value.params["limit"] == 3
    told = raised.value.params["retry_after"]
    assert isinstance(told, int)
    assert 1_197 <= told <= 1_200
    assert (await shop.submit(user)).status is Status.PENDING


async def test_credits_are_held_before_the_work_and_charged_after(shop: Shop) -> None:
    """Trap 2: what is held cannot be spent on another job meanwhile."""
    user = await shop.newcomer(credits=8)
    first: GenerationView = await shop.submit(user, count=2)
    with pytest.raises(InsufficientCredits):
        await shop.submit(user)
    assert (await shop.work(first)).charged_credits == 8
    assert await shop.balances(user.id) == (0, 0, 0)


async def test_the_operator_chooses_the_limits(open_shop: OpenShop) -> None:
    shop = await open_shop(active_free=1)
    user = await rich(shop)
    await shop.submit(user)
    with pytest.raises(MaxActiveGenerations):
        await shop.submit(user)
