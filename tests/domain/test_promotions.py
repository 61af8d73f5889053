"""Promo codes: who may redeem what how often, and what a discount does to orders (trap 4)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core.errors import AppError
from app.domain.errors import (
    IdempotencyKeyReused,
    NotFound,
    PromoExhausted,
    PromoInvalid,
    PromoUsed,
    RateLimitExceeded,
    UserBanned,
    ValidationFailed,
)
from app.domain.limits.request_keys import RequestKey
from app.domain.payments.charges import ChargeOutcome, ChargeSource
from app.domain.promotions import discounts
from app.domain.promotions.service import PromotionService
from app.domain.promotions.views import NewPromoCode, PromoCode, Redemption
from app.domain.users.views import UserView
from tests.domain.shop import OPERATOR, Shop, actor
from tests.domain.till import charge_of, ordered, paid, query_of

UPDATE = ChargeSource.UPDATE
DAY = timedelta(days=1)


async def make(shop: Shop, code: str = "SPRING", **given: Any) -> PromoCode:
    fields = {"credits": 50} if "percent" not in given else {}
    return await shop.services.promotions.create(OPERATOR, NewPromoCode(code, **(fields | given)))


async def redeem(shop: Shop, user: UserView, code: str = "SPRING", **given: Any) -> Redemption:
    return await shop.services.promotions.redeem(actor(user), code, **given)


async def credits_of(shop: Shop, user: UserView) -> int:
    return (await shop.balances(user.id))[0]


# Codes of credits


async def test_a_code_gives_its_credits_under_its_own_key(shop: Shop, ann: UserView) -> None:
    await make(shop)
    assert await redeem(shop, ann, " spring ") == Redemption("SPRING", 50, None)
    assert await credits_of(shop, ann) == 70
    assert await shop.scalar("SELECT key FROM ledger_entries ORDER BY id DESC LIMIT 1") == f"promo:SPRING:{ann.id}"
    assert await shop.prove() == []


async def test_two_taps_redeem_once(shop: Shop, ann: UserView) -> None:
    await make(shop)
    results = await asyncio.gather(*(redeem(shop, ann) for _ in range(10)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["PromoUsed"] * 9 + ["Redemption"]
    assert await credits_of(shop, ann) == 70


async def test_a_code_may_be_redeemed_as_often_as_it_says(shop: Shop, ann: UserView) -> None:
    await make(shop, per_user=3)
    results = await asyncio.gather(*(redeem(shop, ann) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(result, Redemption) for result in results) == 3
    assert await credits_of(shop, ann) == 20 + 3 * 50
    keys = await shop.run_sql("SELECT key FROM ledger_entries WHERE reference_type = 'promo' ORDER BY id")
    assert [row["key"] for row in keys] == [f"promo:SPRING:{ann.id}{suffix}" for suffix in ("", ":2", ":3")]


async def test_the_total_holds_against_a_crowd(shop: Shop) -> None:
    await make(shop, total=3)
    people = [await shop.newcomer(700_000_100 + number) for number in range(8)]
    results = await asyncio.gather(*(redeem(shop, person) for person in people), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["PromoExhausted"] * 5 + ["Redemption"] * 3
    assert (await shop.services.promotions.list_())[0].used == 3


async def test_who_has_redeemed_it_is_told_so_and_not_that_it_is_used_up(shop: Shop, ann: UserView) -> None:
    await make(shop, total=1)
    await redeem(shop, ann)
    with pytest.raises(PromoUsed):
        await redeem(shop, ann)
    with pytest.raises(PromoExhausted):
        await redeem(shop, await shop.newcomer(700_000_002))


async def test_a_repeat_with_the_same_key_gives_the_first_again(shop: Shop, ann: UserView) -> None:
    await make(shop, per_user=5)
    key = RequestKey("k", "promo", b"spring")
    first = await redeem(shop, ann, request_key=key)
    again = await redeem(shop, ann, request_key=key)
    assert (first.is_repeat, again) == (False, Redemption("SPRING", 50, None, is_repeat=True))
    assert await credits_of(shop, ann) == 70
    with pytest.raises(IdempotencyKeyReused):
        await redeem(shop, ann, request_key=RequestKey("k", "promo", b"other"))


async def test_a_code_pays_debt_first(shop: Shop, ann: UserView) -> None:
    await make(shop)
    _, charge = await paid(shop, ann)
    await shop.services.credits.adjust(OPERATOR, 700_000_001, -100, reason="spent")
    await shop.services.refunds.refund(OPERATOR, charge.charge_id, reason="asked", insist=True)
    await redeem(shop, ann)
    user = await shop.services.users.get(ann.id)
    assert (user.credits, user.debt) == (0, 30)
    assert await shop.prove() == []


@pytest.mark.parametrize("code", ["NOSUCH", "", "a b", "x" * 200, "SPRING\0"])
async def test_what_is_no_code_is_refused(shop: Shop, ann: UserView, code: str) -> None:
    await make(shop)
    with pytest.raises(PromoInvalid):
        await redeem(shop, ann, code)


async def test_a_code_ends(shop: Shop, ann: UserView) -> None:
    await make(shop, until=datetime.now(UTC) + DAY)
    await shop.advance_clock(2 * DAY)
    with pytest.raises(PromoInvalid):
        await redeem(shop, ann)


async def test_a_code_that_is_switched_off_gives_nothing(shop: Shop, ann: UserView) -> None:
    await make(shop)
    await shop.services.promotions.set_enabled(OPERATOR, "spring", enabled=False, reason="a leak")
    with pytest.raises(PromoInvalid):
        await redeem(shop, ann)
    with pytest.raises(NotFound):
        await shop.services.promotions.set_enabled(OPERATOR, "nosuch", enabled=False, reason="a leak")


async def test_a_code_of_a_tier_is_for_that_tier(shop: Shop, ann: UserView) -> None:
    await make(shop, tier="premium")
    with pytest.raises(PromoInvalid):
        await redeem(shop, ann)
    await shop.services.users.set_tier(OPERATOR, 700_000_001, tier="premium", until=None, reason="a gift")
    assert (await redeem(shop, ann)).credits == 50


async def test_a_banned_user_redeems_nothing(shop: Shop, ann: UserView) -> None:
    await make(shop)
    await shop.services.users.ban(OPERATOR, 700_000_001, reason="spam")
    with pytest.raises(UserBanned):
        await redeem(shop, ann)


async def test_guessing_codes_is_stopped(shop: Shop, ann: UserView) -> None:
    class Full:
        async def hit(self, *_: object, **__: object) -> bool:
            return False

    await make(shop)
    with pytest.raises(RateLimitExceeded):
        await PromotionService(shop.db, Full()).redeem(actor(ann), "SPRING")
    assert await credits_of(shop, ann) == 20


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"code": "ab", "credits": 5}, "code"),
        ({"code": "AB CD", "credits": 5}, "code"),
        ({"code": "GOOD"}, "credits"),
        ({"code": "GOOD", "credits": 5, "percent": 5}, "credits"),
        ({"code": "GOOD", "credits": 0}, "credits"),
        ({"code": "GOOD", "percent": 100}, "percent"),
        ({"code": "GOOD", "credits": 5, "total": 0}, "total"),
        ({"code": "GOOD", "credits": 5, "per_user": 0}, "per_user"),
        ({"code": "GOOD", "credits": 5, "tier": "gold"}, "tier"),
    ],
)
async def test_a_code_that_makes_no_sense_is_not_made(shop: Shop, given: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        await shop.services.promotions.create(OPERATOR, NewPromoCode(**given))
    assert field in dict(caught.value.params["fields"])  # type: ignore[call-overload]  # params are plain objects


async def test_a_code_is_made_once_and_audited(shop: Shop) -> None:
    await make(shop)
    with pytest.raises(ValidationFailed):
        await make(shop, "spring")
    assert await shop.scalar("SELECT subject FROM audit_log WHERE action = 'promo.create'") == "promo:SPRING"


# Discounts


@pytest.mark.parametrize(("amount", "percent", "left"), [(100, 20, 80), (99, 20, 80), (15, 99, 1), (1, 50, 1)])
def test_a_discount_is_rounded_up_and_never_makes_it_free(amount: int, percent: int, left: int) -> None:
    assert discounts.apply(amount, percent) == left


async def test_a_redeemed_discount_goes_into_the_next_pack_and_no_further(shop: Shop, ann: UserView) -> None:
    await make(shop, percent=20)
    assert await redeem(shop, ann) == Redemption("SPRING", None, 20)
    subscription = await ordered(shop, ann, "sub-annual")
    order, _ = await paid(shop, ann)
    after = await ordered(shop, ann)
    assert [each.amount_minor for each in (subscription, order, after)] == [3500, 80, 100]
    assert (order.credits, order.promo_code, order.promo_percent) == (100, "SPRING", 20)
    assert await credits_of(shop, ann) == 120


async def test_a_remembered_discount_is_forgotten_after_a_month(shop: Shop, ann: UserView) -> None:
    await make(shop, percent=20, total=1)
    await redeem(shop, ann)
    await shop.advance_clock(31 * DAY)
    assert (await ordered(shop, ann)).amount_minor == 100
    bob = await shop.newcomer(700_000_002)
    assert (await redeem(shop, bob)).percent == 20
    with pytest.raises(PromoExhausted):
        await redeem(shop, ann)


async def test_an_unpaid_order_uses_nothing_up(shop: Shop, ann: UserView) -> None:
    await make(shop, percent=20)
    first = await ordered(shop, ann, promo_code="spring")
    second = await ordered(shop, ann, promo_code="SPRING")
    assert (first.amount_minor, second.amount_minor) == (80, 80)
    assert (await ordered(shop, ann)).amount_minor == 100
    assert (await shop.services.promotions.list_())[0].used == 0


async def test_of_two_orders_with_one_code_only_the_newer_passes_the_checkout(shop: Shop, ann: UserView) -> None:
    await make(shop, percent=20)
    first, second = [await ordered(shop, ann, promo_code="SPRING") for _ in range(2)]
    with pytest.raises(PromoUsed):
        await shop.services.checkout.approve(query_of(first, ann))
    await shop.services.checkout.approve(query_of(second, ann))
    await shop.services.charges.credit(charge_of(second, ann), source=UPDATE)
    with pytest.raises(PromoUsed):
        await ordered(shop, ann, promo_code="SPRING")
    assert (await shop.services.promotions.list_())[0].used == 1


async def test_an_order_paid_while_a_newer_one_took_its_code_has_its_price_and_the_newer_one_not(
    shop: Shop, ann: UserView
) -> None:
    await make(shop, percent=20)
    first = await ordered(shop, ann, promo_code="SPRING")
    await shop.services.checkout.approve(query_of(first, ann))
    second = await ordered(shop, ann, promo_code="SPRING")
    assert await shop.services.charges.credit(charge_of(first, ann), source=UPDATE) is ChargeOutcome.CREDITED
    with pytest.raises(PromoUsed):
        await shop.services.checkout.approve(query_of(second, ann))
    assert (await shop.services.promotions.list_())[0].used == 1


async def test_a_charge_told_twice_uses_the_code_once(shop: Shop, ann: UserView) -> None:
    await make(shop, percent=20, per_user=2)
    order = await ordered(shop, ann, promo_code="SPRING")
    for charge_id in ("c1", "c1", "c2"):
        await shop.services.charges.credit(charge_of(order, ann, charge_id=charge_id), source=UPDATE)
    assert (await shop.services.promotions.list_())[0].used == 1


async def test_the_total_of_a_discount_counts_what_is_claimed(shop: Shop, ann: UserView) -> None:
    await make(shop, percent=20, total=1)
    bob = await shop.newcomer(700_000_002)
    await ordered(shop, ann, promo_code="SPRING")
    with pytest.raises(PromoExhausted):
        await ordered(shop, bob, promo_code="SPRING")
    # The order has run out unpaid, and its place is free.
    await shop.advance_clock(2 * DAY)
    assert (await ordered(shop, bob, promo_code="SPRING")).amount_minor == 80


async def test_a_crowd_of_orders_keeps_to_the_total(shop: Shop) -> None:
    await make(shop, percent=20, total=2)
    people = [await shop.newcomer(700_000_100 + number) for number in range(6)]
    results = await asyncio.gather(
        *(ordered(shop, person, promo_code="SPRING") for person in people), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["OrderView"] * 2 + ["PromoExhausted"] * 4


async def test_an_order_that_needs_no_checkout_keeps_its_discount_until_it_is_released(
    shop: Shop, ann: UserView
) -> None:
    await make(shop, percent=20)
    first = await ordered(shop, ann)
    async with shop.db.transaction() as tx:
        discount = await discounts.reserve(tx, ann, "SPRING", first.id, binding=True)
    assert discount is not None
    with pytest.raises(PromoUsed):
        await ordered(shop, ann, promo_code="SPRING")
    async with shop.db.transaction() as tx:
        await discounts.release(tx, first.id)
    assert (await ordered(shop, ann, promo_code="SPRING")).amount_minor == 80


@pytest.mark.parametrize(
    ("product", "code", "refusal"),
    [
        ("pack-starter", "MONEY", PromoInvalid),
        ("pack-starter", "NOSUCH", PromoInvalid),
        ("sub-monthly", "SPRING", ValidationFailed),
    ],
)
async def test_a_code_is_refused_where_it_takes_nothing_off(
    shop: Shop, ann: UserView, product: str, code: str, refusal: type[AppError]
) -> None:
    await make(shop, percent=20)
    await make(shop, "MONEY")
    with pytest.raises(refusal):
        await ordered(shop, ann, product, promo_code=code)
    assert await shop.scalar("SELECT count(*) FROM orders") == 0


async def test_a_gift_is_a_pack_too(shop: Shop, ann: UserView) -> None:
    await make(shop, percent=50)
    order = await ordered(shop, ann, promo_code="SPRING", is_gift=True)
    assert (order.amount_minor, order.credits) == (50, 100)
