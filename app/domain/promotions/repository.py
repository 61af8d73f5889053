"""Statements on promo codes. Whoever redeems has locked the user first; the code's row is locked after that."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from app.core.db import Reader, Tx
from app.core.ids import new_id
from app.domain.promotions.models import RedemptionState
from app.domain.promotions.views import Discount, NewPromoCode, PromoCode, Redemption

_COLUMNS: Final = "code, credits, percent, total, per_user, until, tier, enabled, used, created_at"
_INSERT = text(
    f"""
    INSERT INTO promo_codes (code, credits, percent, total, per_user, until, tier)
    VALUES (:code, :credits, :percent, :total, :per_user, CAST(:until AS timestamptz), :tier)
    RETURNING {_COLUMNS}
    """  # noqa: S608 - fixed text
)
_LIST = text(f"SELECT {_COLUMNS} FROM promo_codes ORDER BY created_at DESC LIMIT :limit")  # noqa: S608 - fixed text
_ENABLE = text(
    f"UPDATE promo_codes SET enabled = :enabled WHERE code = :code RETURNING {_COLUMNS}"  # noqa: S608 - fixed text
)
# A claim that has run out takes nobody's place any more.
_LOCK = text(
    f"""
    SELECT {_COLUMNS}, coalesce(until <= clock_now(), false) AS over FROM promo_codes WHERE code = :code FOR UPDATE
    """  # noqa: S608 - fixed text
)
_TAKEN = text(
    """
    SELECT count(*) FROM promo_redemptions WHERE code = :code AND state = 'CLAIMED' AND claimed_until > clock_now()
    """
)
_OF_USER = text(
    """
    SELECT id, number, state, coalesce(bound_until > clock_now(), false) AS bound,
        state = 'CLAIMED' AND claimed_until <= clock_now() AS lapsed
    FROM promo_redemptions WHERE code = :code AND user_id = :user_id ORDER BY number
    """
)
_REDEEM = text(
    """
    INSERT INTO promo_redemptions (id, code, user_id, number, state, credits, percent, remembered, bound_until,
        claimed_until, order_id, used_at)
    VALUES (:id, :code, :user_id, :number, :state, :credits, :percent, :remembered,
        CASE WHEN :bound THEN clock_now() + interval '1 day' END,
        clock_now() + CAST(:keep AS interval), CAST(:order_id AS uuid),
        CASE WHEN :state = 'CLAIMED' THEN NULL ELSE clock_now() END)
    """
)
_COUNT_USE = text("UPDATE promo_codes SET used = used + 1 WHERE code = :code")
_RENEW = text(
    """
    UPDATE promo_redemptions SET remembered = remembered OR :remembered,
        claimed_until = greatest(claimed_until, clock_now() + CAST(:keep AS interval)),
        order_id = coalesce(CAST(:order_id AS uuid), order_id),
        bound_until = CASE WHEN :bound THEN clock_now() + interval '1 day' END
    WHERE id = :id
    """
)
_REMEMBERED = text(
    """
    SELECT r.id, r.code, r.percent FROM promo_redemptions r JOIN promo_codes c ON c.code = r.code
    WHERE r.user_id = :user_id AND r.state = 'CLAIMED' AND r.remembered AND r.claimed_until > clock_now()
        AND (r.bound_until IS NULL OR r.bound_until <= clock_now())
        AND c.enabled AND (c.until IS NULL OR c.until > clock_now())
    ORDER BY r.percent DESC, r.created_at LIMIT 1
    """
)
_IS_HELD = text(
    """
    SELECT EXISTS (
        SELECT 1 FROM promo_redemptions
        WHERE order_id = :order_id AND state = 'CLAIMED' AND claimed_until > clock_now())
    """
)
_USE = text(
    """
    UPDATE promo_redemptions SET state = 'USED', used_at = clock_now()
    WHERE order_id = :order_id AND state = 'CLAIMED' RETURNING code
    """
)
# Another order has taken the claim over while this one was being paid: it is this one that has used it.
_USE_INSTEAD = text(
    """
    UPDATE promo_redemptions SET state = 'USED', used_at = clock_now(), order_id = :order_id
    WHERE id = (
        SELECT id FROM promo_redemptions WHERE code = :code AND user_id = :user_id AND state = 'CLAIMED' LIMIT 1)
    RETURNING code
    """
)
_RELEASE = text("UPDATE promo_redemptions SET bound_until = NULL WHERE order_id = :order_id AND state = 'CLAIMED'")
_WAS_USED = text("SELECT EXISTS (SELECT 1 FROM promo_redemptions WHERE order_id = :order_id AND state = 'USED')")
_GIVEN = text("SELECT code, credits, percent FROM promo_redemptions WHERE id = :id")


@dataclass(frozen=True, slots=True)
class LockedCode:
    """A code whose row is locked. `over`: its time is up."""

    promo: PromoCode
    over: bool


@dataclass(frozen=True, slots=True)
class Earlier:
    """A redemption that the user has already. A `lapsed` claim has run out without being used."""

    id: UUID
    number: int
    state: RedemptionState
    bound: bool
    lapsed: bool


async def insert(tx: Tx, new: NewPromoCode) -> PromoCode:
    """Write a code. Raises IntegrityError when it exists."""
    row = await tx.one_or_none(
        _INSERT,
        {
            "code": new.code,
            "credits": new.credits,
            "percent": new.percent,
            "total": new.total,
            "per_user": new.per_user,
            "until": new.until,
            "tier": new.tier,
        },
    )
    if row is None:
        message = "an insert returned nothing"
        raise AssertionError(message)
    return _promo(row)


async def list_(reader: Reader, *, limit: int) -> list[PromoCode]:
    """The newest codes."""
    return [_promo(row) for row in await reader.all(_LIST, {"limit": limit})]


async def set_enabled(tx: Tx, code: str, *, enabled: bool) -> PromoCode | None:
    """Switch a code on or off; None when there is none."""
    row = await tx.one_or_none(_ENABLE, {"code": code, "enabled": enabled})
    return _promo(row) if row else None


async def lock(tx: Tx, code: str) -> LockedCode | None:
    """A code, its row locked, so that its total is counted exactly."""
    row = await tx.one_or_none(_LOCK, {"code": code})
    return LockedCode(_promo(row), row.over) if row else None


async def count_taken(tx: Tx, promo: PromoCode) -> int:
    """How much of the total is gone: what was given or used, and the discounts that are claimed at present."""
    return promo.used + int(await tx.scalar(_TAKEN, {"code": promo.code}))


async def list_of_user(tx: Tx, code: str, user_id: int) -> list[Earlier]:
    """The user's redemptions of a code, oldest first."""
    rows = await tx.all(_OF_USER, {"code": code, "user_id": user_id})
    return [Earlier(row.id, row.number, RedemptionState(row.state), row.bound, row.lapsed) for row in rows]


async def redeem(
    tx: Tx,
    promo: PromoCode,
    user_id: int,
    *,
    number: int,
    state: RedemptionState,
    remembered: bool = False,
    keep: timedelta | None = None,
    order_id: UUID | None = None,
    bound: bool = False,
) -> UUID:
    """Write a redemption; returns its id. What is not merely claimed counts as used at once."""
    redemption_id = new_id()
    await tx.execute(
        _REDEEM,
        {
            "id": redemption_id,
            "code": promo.code,
            "user_id": user_id,
            "number": number,
            "state": state.value,
            "credits": promo.credits,
            "percent": promo.percent,
            "remembered": remembered,
            "keep": keep,
            "order_id": order_id,
            "bound": bound,
        },
    )
    if state is not RedemptionState.CLAIMED:
        await tx.execute(_COUNT_USE, {"code": promo.code})
    return redemption_id


async def renew(
    tx: Tx,
    redemption_id: UUID,
    *,
    keep: timedelta,
    remembered: bool = False,
    order_id: UUID | None = None,
    bound: bool = False,
) -> None:
    """Keep a claim for longer, or hand it to a newer order."""
    await tx.execute(
        _RENEW,
        {"id": redemption_id, "keep": keep, "remembered": remembered, "order_id": order_id, "bound": bound},
    )


async def find_remembered(tx: Tx, user_id: int) -> tuple[UUID, Discount] | None:
    """The best discount that waits for the user's next pack."""
    row = await tx.one_or_none(_REMEMBERED, {"user_id": user_id})
    return (row.id, Discount(row.code, row.percent)) if row else None


async def is_held(reader: Reader, order_id: UUID) -> bool:
    """Whether an order still has its discount: neither used, nor handed to a newer order, nor run out."""
    return bool(await reader.scalar(_IS_HELD, {"order_id": order_id}))


async def use(tx: Tx, order_id: UUID, *, user_id: int, code: str) -> bool:
    """The order is paid; False when its claim was used by another order."""
    used = await tx.scalar(_USE, {"order_id": order_id})
    if used is None:
        if await tx.scalar(_WAS_USED, {"order_id": order_id}):
            return True
        used = await tx.scalar(_USE_INSTEAD, {"order_id": order_id, "user_id": user_id, "code": code})
    if used is not None:
        await tx.execute(_COUNT_USE, {"code": used})
    return used is not None


async def release(tx: Tx, order_id: UUID) -> None:
    """The order cannot be paid any more: a newer one may have its claim."""
    await tx.execute(_RELEASE, {"order_id": order_id})


async def find_given(reader: Reader, redemption_id: UUID) -> Redemption:
    """What an earlier redemption gave."""
    row = await reader.one_or_none(_GIVEN, {"id": redemption_id})
    if row is None:
        message = f"redemption {redemption_id} vanished"
        raise AssertionError(message)
    return Redemption(row.code, row.credits, row.percent, is_repeat=True)


def _promo(row: Row[Any]) -> PromoCode:
    return PromoCode(
        code=row.code,
        credits=row.credits,
        percent=row.percent,
        total=row.total,
        per_user=row.per_user,
        until=row.until,
        tier=row.tier,
        enabled=row.enabled,
        used=row.used,
        created_at=row.created_at,
    )
