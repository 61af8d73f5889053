"""Promo codes and invitations."""

from fastapi import APIRouter

from app.api.deps import SIGNED_IN, SignedIn, SignedInRoute, Wired
from app.api.errors import refusals
from app.api.webapp.bodies import IdempotencyKey, PromoEntry
from app.api.webapp.rendering import referrals_of
from app.api.webapp.shapes import Redemption, Referrals
from app.domain.errors import IdempotencyKeyReused, PromoExhausted, PromoInvalid, PromoUsed
from app.domain.limits.request_keys import RequestKey

router = APIRouter(prefix="/api/v1", tags=["promotions"], route_class=SignedInRoute)


@router.post(
    "/promo",
    summary="Redeem a promo code",
    responses=refusals(*SIGNED_IN, PromoInvalid, PromoExhausted, PromoUsed, IdempotencyKeyReused),
)
async def redeem_promo(
    body: PromoEntry, caller: SignedIn, container: Wired, idempotency_key: IdempotencyKey = None
) -> Redemption:
    """Gives credits at once, or takes `percent` off the next pack: the other one of the two is null."""
    request_key = RequestKey(idempotency_key, "promo", body.digest()) if idempotency_key else None
    redemption = await container.services.promotions.redeem(caller.actor, body.code, request_key=request_key)
    return Redemption(credits=redemption.credits, percent=redemption.percent)


@router.get("/referrals", summary="Whom I have invited", responses=refusals(*SIGNED_IN))
async def read_referrals(caller: SignedIn, container: Wired) -> Referrals:
    """The link to invite by, and what came of it, without any names."""
    return referrals_of(await container.services.referrals.summary(caller.actor))
