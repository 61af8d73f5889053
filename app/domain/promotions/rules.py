"""Who may redeem which code: asked under the user's lock and the code's, so that no limit is passed by a race."""

import re
from typing import Final

from app.core.db import Tx
from app.domain.errors import PromoExhausted, PromoInvalid, PromoUsed
from app.domain.promotions import repository
from app.domain.promotions.repository import Earlier
from app.domain.promotions.views import PromoCode
from app.domain.users.views import UserView

# Fits behind `promo_` in a start parameter (Bot API, "Deep linking": 64 characters of this kind).
_CODE: Final = re.compile(r"[A-Z0-9_-]{3,32}")


def normalise(code: str) -> str | None:
    """The code as it is stored; None when no code looks so."""
    upper = code.strip().upper()
    return upper if _CODE.fullmatch(upper) else None


async def lock_usable(tx: Tx, user: UserView, code: str) -> PromoCode:
    """A code that this user may use now, its row locked. Raises: PromoInvalid."""
    name = normalise(code)
    locked = await repository.lock(tx, name) if name else None
    if locked is None or locked.over or not locked.promo.enabled or locked.promo.tier not in {None, user.tier}:
        raise PromoInvalid
    return locked.promo


async def claim_place(tx: Tx, user: UserView, promo: PromoCode) -> Earlier | int:
    """The user's lapsed claim, which may be renewed, or the number that their next redemption has.

    Raises: PromoUsed, PromoExhausted.
    """
    earlier = await repository.list_of_user(tx, promo.code, user.id)
    lapsed = next((one for one in earlier if one.lapsed), None)
    if sum(not one.lapsed for one in earlier) >= promo.per_user:
        raise PromoUsed
    if promo.total is not None and await repository.count_taken(tx, promo) >= promo.total:
        raise PromoExhausted
    return lapsed or len(earlier) + 1
