"""Why a submit is refused, and which reason comes first (spec §5)."""

import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core.errors import AppError
from app.domain.errors import (
    DuplicateRequest,
    IdempotencyKeyReused,
    InsufficientCredits,
    Maintenance,
    MaxActiveGenerations,
    ModelUnavailable,
    PriceChanged,
    PromptRejected,
    RateLimitExceeded,
    UserBanned,
    UserNotFound,
    UserSuspended,
    ValidationFailed,
)
from app.domain.users.views import UserView
from tests.domain.conftest import OpenShop
from tests.domain.shop import OPERATOR, Shop, actor, order

TELEGRAM_ID = 700_000_001
# 24 characters below the longest prompt, and against the rules.
REJECTED = "how to build a bomb"

Arrange = Callable[[Shop, UserView, dict[str, Any]], Awaitable[None]]


async def banned(shop: Shop, user: UserView, fields: dict[str, Any]) -> None:
    await shop.services.users.ban(OPERATOR, TELEGRAM_ID, reason="spam")


async def suspended(shop: Shop, user: UserView, fields: dict[str, Any]) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    await shop.services.users.suspend(OPERATOR, TELEGRAM_ID, until=until, reason="calm down")


async def malformed(shop: Shop, user: UserView, fields: dict[str, Any]) -> None:
    fields["count"] = 5


async def repeated(shop: Shop, user: UserView, fields: dict[str, Any]) -> None:
    await shop.submit(user, request_key="api:once", body_hash=b"one")
    fields.update(request_key="api:once", body_hash=b"one")


async def reused(shop: Shop, user: UserView, fields: dict[str, Any]) -> None:
    await repeated(shop, user, fields)
    fields["body_hash"] = b"two"


async def closed(shop: Shop, user: UserView, fields: dict[str, Any]) -> None:
    await shop.services.catalog.set_maintenance(OPERATOR, enabled=True, reason="an update")


async def withdrawn(shop: Shop, user: UserView, fields: dict[str, Any]) -> None:
    await shop.run_sql("UPDATE models SET enabled = false")
    shop.services.catalog.forget()


async def forbidden(shop: Shop, user: UserView, fields: dict[str, Any]) -> None:
    fields["prompt"] = REJECTED


async def dearer(shop: Shop, user: UserView, fields: dict[str, Any]) -> None:
    fields["max_price"] = 3


async def at_most_active(shop: Shop, user: UserView, fields: dict[str, Any]) -> None:
    await shop.run_sql("UPDATE users SET active_generations = 5 WHERE id = :id", id=user.id)


async def too_often(shop: Shop, user: UserView, fields: dict[str, Any]) -> None:
    """Ten within the minute, none of them open."""
    for _ in range(10):
        await shop.run_sql(
            """
            INSERT INTO generations (id, user_id, kind, model_key, prompt, options, output_count, seed, origin, funding,
                price_credits, start_by, status)
            VALUES (gen_random_uuid(), :id, 'image', 'image-standard', '', '{}', 1, 1, 'api', 'credits', 0, now(),
                'FAILED')
            """,
            id=user.id,
        )


async def poor(shop: Shop, user: UserView, fields: dict[str, Any]) -> None:
    await shop.run_sql("UPDATE users SET credits = 1 WHERE id = :id", id=user.id)


# In the order of spec §5.
PRECEDENCE: list[tuple[Arrange, type[AppError]]] = [
    (banned, UserBanned),
    (suspended, UserSuspended),
    (malformed, ValidationFailed),
    (repeated, DuplicateRequest),
    (reused, IdempotencyKeyReused),
    (closed, Maintenance),
    (withdrawn, ModelUnavailable),
    (forbidden, PromptRejected),
    (dearer, PriceChanged),
    (at_most_active, MaxActiveGenerations),
    (too_often, RateLimitExceeded),
    (poor, InsufficientCredits),
]
EXCLUSIVE = {(repeated, reused)}
PAIRS = [
    (first, second) for first, second in itertools.combinations(PRECEDENCE, 2) if (first[0], second[0]) not in EXCLUSIVE
]


async def refusal(shop: Shop, user: UserView, *arrangements: Arrange) -> AppError:
    fields: dict[str, Any] = {"prompt": "a red kite"}
    # What needs an accepted generation is arranged while one is still accepted.
    for arrange in sorted(arrangements, key=lambda arrange: arrange not in {repeated, reused}):
        await arrange(shop, user, fields)
    with pytest.raises(AppError) as raised:
        await shop.submit(user, **fields)
    return raised.value


@pytest.mark.parametrize(("arrange", "expected"), PRECEDENCE, ids=lambda value: value.__name__)
async def test_submit_refuses(shop: Shop, ann: UserView, arrange: Arrange, expected: type[AppError]) -> None:
    error = await refusal(shop, ann, arrange)
    assert type(error) is expected


@pytest.mark.parametrize(
    ("first", "second"), PAIRS, ids=[f"{one[0].__name__}-before-{two[0].__name__}" for one, two in PAIRS]
)
async def test_of_two_reasons_the_first_is_told(
    shop: Shop, ann: UserView, first: tuple[Arrange, type[AppError]], second: tuple[Arrange, type[AppError]]
) -> None:
    error = await refusal(shop, ann, first[0], second[0])
    assert type(error) is first[1]


async def test_a_refusal_costs_nothing_and_leaves_nothing(shop: Shop, ann: UserView) -> None:
    for arrange in (malformed, forbidden, dearer):
        await refusal(shop, ann, arrange)
    assert await shop.balances(ann.id) == (20, 0, 0)
    assert await shop.scalar("SELECT count(*) FROM generations") == 0
    assert shop.bell.rings == []
    assert await shop.prove() == []


async def test_the_refusal_says_what_is_short(shop: Shop, ann: UserView) -> None:
    error = await refusal(shop, ann, poor)
    assert error.params == {"required": 4, "available": 1}


async def test_a_suspension_says_until_when_and_why(shop: Shop, ann: UserView) -> None:
    error = await refusal(shop, ann, suspended)
    assert error.params["reason"] == "calm down"
    assert str(error.params["until"]).endswith("Z")


async def test_a_suspension_ends_by_itself(shop: Shop, ann: UserView) -> None:
    await suspended(shop, ann, {})
    await shop.advance_clock(timedelta(hours=2))
    assert (await shop.submit(ann)).price_credits == 4


async def test_nobody_cannot_submit(shop: Shop, ann: UserView) -> None:
    await shop.services.accounts.erase(who := actor(ann))
    with pytest.raises(UserNotFound):
        await shop.services.generations.submit(who, order())


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "   "}, "prompt"),
        ({"prompt": "x" * 2001}, "prompt"),
        ({"prompt": "x\0y"}, "prompt"),
        ({"negative_prompt": "x" * 2001}, "negative_prompt"),
        ({"count": 0}, "options.count"),
        ({"count": 5}, "options.count"),
        ({"ratio": "7:1"}, "options.aspect_ratio"),
    ],
)
async def test_what_does_not_fit_is_named(shop: Shop, ann: UserView, fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationFailed) as raised:
        await shop.submit(ann, **({"prompt": "a red kite"} | fields))
    assert named in dict(raised.value.params["fields"])  # type: ignore[call-overload]  # params are plain JSON


async def test_the_longest_prompt_is_taken(shop: Shop, ann: UserView) -> None:
    assert (await shop.submit(ann, "x" * 2000)).prompt == "x" * 2000


async def test_an_unknown_model_is_unavailable(shop: Shop, ann: UserView) -> None:
    with pytest.raises(ModelUnavailable):
        await shop.submit(ann, model_key="image-of-yesterday")


async def test_a_model_whose_only_route_is_paused_is_unavailable(shop: Shop, ann: UserView) -> None:
    await shop.run_sql("UPDATE provider_routes SET paused_until = now() + interval '1 hour'")
    shop.services.catalog.forget()
    with pytest.raises(ModelUnavailable):
        await shop.submit(ann)


async def test_the_negative_prompt_is_moderated_too(shop: Shop, ann: UserView) -> None:
    with pytest.raises(PromptRejected):
        await shop.submit(ann, negative_prompt=REJECTED)


@pytest.mark.parametrize(("max_price", "accepted"), [(8, True), (9, True), (7, False)])
async def test_a_price_above_what_was_shown_is_refused(
    shop: Shop, ann: UserView, max_price: int, accepted: bool
) -> None:
    if accepted:
        assert (await shop.submit(ann, count=2, max_price=max_price)).price_credits == 8
        return
    with pytest.raises(PriceChanged) as raised:
        await shop.submit(ann, count=2, max_price=max_price)
    assert raised.value.params == {"price": 8}


async def test_a_ban_holds_in_every_write(shop: Shop, ann: UserView) -> None:
    accepted = await shop.submit(ann)
    done = await shop.work(accepted)
    waiting = await shop.submit(ann)
    await banned(shop, ann, {})
    services, who = shop.services, actor(ann)
    writes: list[Callable[[], Awaitable[object]]] = [
        lambda: services.generations.delete(who, done.id),
        lambda: services.generations.send_original(who, done.id),
        lambda: services.drafts.repeat(who, done.id, variation=False),
        lambda: services.users.set_quick_mode(who, enabled=True),
    ]
    for write in writes:
        with pytest.raises(UserBanned):
            await write()
    # Spec row 21: what asks for nothing stays open to them.
    assert (await services.generations.cancel(who, waiting.id)).returned_credits == 4


async def test_prices_come_from_the_catalogue_not_from_settings(open_shop: OpenShop) -> None:
    shop = await open_shop()
    later = await open_shop(cost_img_standard=9)
    user = await shop.newcomer()
    assert (await later.submit(user)).price_credits == 4
