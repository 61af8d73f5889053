"""What a promo code takes off an order: for the orders' own transactions, under the user's lock.

A discount belongs to one order at a time, the newest: an unpaid order uses nothing up, and of two orders with one
single-use code only the newer passes the checkout.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from app.core.db import Reader, Tx
from app.domain.errors import PromoInvalid, PromoUsed
from app.domain.promotions import repository, rules
from app.domain.promotions.models import RedemptionState
from app.domain.promotions.views import Discount
from app.domain.users.views import UserView

log = structlog.get_logger(__name__)

# As long as an order lives; after that its place is another's.
_ORDERED_FOR: Final = timedelta(days=1)


async def reserve(tx: Tx, user: UserView, code: str | None, order_id: UUID, *, binding: bool) -> Discount | None:
    """Tie a discount to an order that is being written: of the code given, else the remembered one, if any.

    `binding`: the order can be paid without a checkout of ours (by card), so that no newer order may take it over.
    Raises: PromoInvalid (also for a code of credits), PromoUsed, PromoExhausted.
    """
    if code is None:
        remembered = await repository.find_remembered(tx, user.id)
        if remembered is None:
            return None
        claim_id, discount = remembered
        await repository.renew(tx, claim_id, keep=_ORDERED_FOR, order_id=order_id, bound=binding)
        return discount
    promo = await rules.lock_usable(tx, user, code)
    if promo.percent is None:
        raise PromoInvalid
    claims = await repository.list_of_user(tx, promo.code, user.id)
    waiting = next(
        (one for one in claims if one.state is RedemptionState.CLAIMED and not (one.lapsed or one.bound)), None
    )
    place = waiting or await rules.claim_place(tx, user, promo)
    if isinstance(place, int):
        await repository.redeem(
            tx,
            promo,
            user.id,
            number=place,
            state=RedemptionState.CLAIMED,
            keep=_ORDERED_FOR,
            order_id=order_id,
            bound=binding,
        )
    else:
        await repository.renew(tx, place.id, keep=_ORDERED_FOR, order_id=order_id, bound=binding)
    return Discount(promo.code, promo.percent)


def apply(amount_minor: int, percent: int) -> int:
    """An amount less the discount, rounded up: never for nothing."""
    return -(-amount_minor * (100 - percent) // 100)


async def require_held(reader: Reader, order_id: UUID) -> None:
    """Let pass the order that has its discount still. Raises: PromoUsed when another order has it, or it was used."""
    if not await repository.is_held(reader, order_id):
        raise PromoUsed


async def consume(tx: Tx, order_id: UUID, *, user_id: int, code: str) -> None:
    """The order is paid. One whose discount another order has used has its price all the same: it was charged."""
    if not await repository.use(tx, order_id, user_id=user_id, code=code):
        log.warning("promo_used_twice", order_id=str(order_id), code=code)


async def release(tx: Tx, order_id: UUID) -> None:
    """The order can no longer be paid: its discount is free for the next one."""
    await repository.release(tx, order_id)
