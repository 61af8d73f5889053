"""Use cases on promo codes: the operator makes them, users redeem them."""

from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.core.db import Database, Tx
from app.core.jobs import Signal
from app.domain.actors import Actor
from app.domain.audit import log as audit
from app.domain.credits import ledger
from app.domain.credits.models import EntryKind
from app.domain.errors import NotFound, RateLimitExceeded, ValidationFailed
from app.domain.limits import request_keys
from app.domain.limits.request_keys import RequestKey
from app.domain.ports import RateCounter
from app.domain.promotions import repository, rules
from app.domain.promotions.models import RedemptionState
from app.domain.promotions.views import NewPromoCode, PromoCode, Redemption
from app.domain.users import repository as users
from app.domain.users.rules import require_active
from app.domain.users.service import TIERS
from app.domain.users.views import UserView

# A discount that was redeemed ahead of an order waits this long for one.
REMEMBERED_FOR: Final = timedelta(days=30)
# Nobody types so many codes; who does is guessing them.
_TRIES: Final = 60
_TRIES_WINDOW_SECONDS: Final = 600
_LARGEST_CREDITS: Final = 1_000_000


class PromotionService:
    """Promo codes."""

    def __init__(self, db: Database, rate_counter: RateCounter) -> None:
        self._db = db
        self._rate_counter = rate_counter

    async def create(self, actor: Actor, new: NewPromoCode) -> PromoCode:
        """Make a code; audited. Raises: ValidationFailed, also when the code exists."""
        code = rules.normalise(new.code)
        _check(new, code)
        try:
            async with self._db.transaction() as tx:
                promo = await repository.insert(tx, replace(new, code=code or ""))
                await audit.record(
                    tx,
                    actor,
                    action="promo.create",
                    subject=f"promo:{promo.code}",
                    before={},
                    after=_terms(promo),
                    reason="",
                )
        except IntegrityError as error:
            raise ValidationFailed({"code": "exists already"}) from error
        return promo

    async def set_enabled(self, actor: Actor, code: str, *, enabled: bool, reason: str) -> PromoCode:
        """Switch a code on or off; audited. Discounts locked in orders stay. Raises: NotFound."""
        async with self._db.transaction() as tx:
            promo = await repository.set_enabled(tx, code.strip().upper(), enabled=enabled)
            if promo is None:
                raise NotFound
            await audit.record(
                tx,
                actor,
                action="promo.enable",
                subject=f"promo:{promo.code}",
                before={},
                after={"enabled": enabled},
                reason=reason,
            )
        return promo

    async def list_(self, *, limit: int = 100) -> list[PromoCode]:
        """The newest codes."""
        async with self._db.read() as reader:
            return await repository.list_(reader, limit=limit)

    async def redeem(self, actor: Actor, code: str, *, request_key: RequestKey | None = None) -> Redemption:
        """Give the code's credits, or remember its discount for the user's next pack. Two taps redeem once.

        Raises: UserNotFound, UserBanned, UserSuspended, RateLimitExceeded (somebody guesses codes),
            IdempotencyKeyReused, PromoInvalid, PromoUsed, PromoExhausted.
        """
        if not await self._rate_counter.hit("promo", actor.id, limit=_TRIES, window_seconds=_TRIES_WINDOW_SECONDS):
            raise RateLimitExceeded(limit=_TRIES, retry_after=_TRIES_WINDOW_SECONDS)
        async with self._db.transaction() as tx:
            # The user's lock makes two taps wait for each other; the second finds what the first has written.
            user = require_active(await users.lock(tx, actor.user_id))
            if request_key is not None:
                earlier = await request_keys.find_object(tx, user.id, request_key)
                if earlier is not None:
                    return await repository.find_given(tx, UUID(earlier))
            promo = await rules.lock_usable(tx, user, code)
            redemption_id = await (
                _remember(tx, user, promo) if promo.credits is None else _grant(tx, actor, user, promo, promo.credits)
            )
            if request_key is not None:
                await request_keys.remember(tx, user.id, request_key, str(redemption_id))
        return Redemption(promo.code, promo.credits, promo.percent)


async def _grant(tx: Tx, actor: Actor, user: UserView, promo: PromoCode, amount: int) -> UUID:
    place = await rules.claim_place(tx, user, promo)
    if not isinstance(place, int):
        message = f"the credits of {promo.code} were claimed like a discount"
        raise AssertionError(message)
    redemption_id = await repository.redeem(tx, promo, user.id, number=place, state=RedemptionState.GIVEN)
    suffix = "" if place == 1 else f":{place}"
    entry = ledger.Entry(EntryKind.GRANT, f"promo:{promo.code}:{user.id}{suffix}", "promo", promo.code, actor.label)
    await ledger.add(tx, user.id, amount, entry)
    tx.after_commit(Signal(user.id))
    return redemption_id


async def _remember(tx: Tx, user: UserView, promo: PromoCode) -> UUID:
    place = await rules.claim_place(tx, user, promo)
    if isinstance(place, int):
        return await repository.redeem(
            tx,
            promo,
            user.id,
            number=place,
            state=RedemptionState.CLAIMED,
            remembered=True,
            keep=REMEMBERED_FOR,
        )
    await repository.renew(tx, place.id, keep=REMEMBERED_FOR, remembered=True)
    return place.id


def _check(new: NewPromoCode, code: str | None) -> None:
    """Raises: ValidationFailed."""
    fields = {}
    if code is None:
        fields["code"] = "must be 3 to 32 of A-Z, 0-9, - and _"
    if (new.credits is None) == (new.percent is None):
        fields["credits"] = "give either credits or percent"
    if new.credits is not None and not 0 < new.credits <= _LARGEST_CREDITS:
        fields["credits"] = f"must be from 1 to {_LARGEST_CREDITS}"
    if new.percent is not None and not 0 < new.percent < 100:
        fields["percent"] = "must be from 1 to 99"
    fields |= {
        name: "must be positive"
        for name, value in (("total", new.total), ("per_user", new.per_user))
        if value is not None and value <= 0
    }
    if new.tier is not None and new.tier not in TIERS:
        fields["tier"] = f"must be one of {', '.join(TIERS)}"
    if fields:
        raise ValidationFailed(fields)


def _terms(promo: PromoCode) -> dict[str, object]:
    return {
        "credits": promo.credits,
        "percent": promo.percent,
        "total": promo.total,
        "per_user": promo.per_user,
        "until": promo.until.isoformat() if promo.until else None,
        "tier": promo.tier,
    }
