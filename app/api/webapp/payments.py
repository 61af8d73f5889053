"""Payments: order something, look at what was ordered, take a gift back."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from app.api.deps import SIGNED_IN, SignedIn, SignedInRoute, Wired
from app.api.errors import refusals
from app.api.webapp.bodies import IdempotencyKey, NewPayment
from app.api.webapp.paging import Cursor, Limit
from app.api.webapp.rendering import gift_of, payment_of
from app.api.webapp.shapes import Gift, Listing, Payment
from app.domain.errors import (
    AlreadySubscribed,
    Forbidden,
    GenerationNotFound,
    IdempotencyKeyReused,
    Maintenance,
    MaxActiveGenerations,
    ModelUnavailable,
    NotFound,
    PaymentConsumed,
    PromoExhausted,
    PromoInvalid,
    PromoUsed,
    PromptRejected,
    StyleUnavailable,
)
from app.domain.limits.request_keys import RequestKey
from app.domain.payments.models import Method
from app.domain.payments.views import NewOrder

router = APIRouter(prefix="/api/v1", tags=["payments"], route_class=SignedInRoute)

GiftId = Annotated[UUID, Path(description="The gift's id.")]


@router.post(
    "/payments",
    status_code=201,
    summary="Order something",
    responses={
        200: {
            "model": Payment,
            "description": "What this `Idempotency-Key` ordered before, or the open order of the same premium.",
        },
        **refusals(
            *SIGNED_IN,
            Forbidden,
            NotFound,
            GenerationNotFound,
            PaymentConsumed,
            AlreadySubscribed,
            PromoInvalid,
            PromoExhausted,
            PromoUsed,
            Maintenance,
            ModelUnavailable,
            StyleUnavailable,
            PromptRejected,
            MaxActiveGenerations,
            IdempotencyKeyReused,
        ),
    },
)
async def create_payment(
    body: NewPayment,
    caller: SignedIn,
    container: Wired,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> Payment:
    """A product, or with `draft_id` exactly one draft, which starts by itself when it is paid.

    The price is locked from now on. `link` is where it is paid; whether it was is told by `GET /events`, never by what
    the payment page says to the client. PROVIDER_UNAVAILABLE: no link can be made right now; a repeat with the same
    `Idempotency-Key` makes it.
    """
    new = NewOrder(
        method=Method(body.method),
        product_key=body.product,
        draft_id=body.draft_id,
        generation_id=body.generation_id,
        promo_code=body.promo,
        is_gift=body.gift,
    )
    request_key = RequestKey(idempotency_key, "payments", body.digest()) if idempotency_key else None
    order = await container.services.orders.create(
        caller.actor, new, request_key=request_key, cards_allowed=caller.cards_allowed
    )
    if order.is_repeat:
        response.status_code = 200
    return payment_of(order)


@router.get("/payments", summary="What I have ordered, newest first", responses=refusals(*SIGNED_IN))
async def list_payments(
    caller: SignedIn, container: Wired, cursor: Cursor = None, limit: Limit = 20
) -> Listing[Payment]:
    """Paid or not. What was ordered in a browser is listed there alone, so that a page may have fewer items."""
    page = await container.services.orders.list_own(caller.actor, cursor=cursor, limit=limit)
    items = [payment_of(order) for order in page.items if caller.may_see(order)]
    return Listing(items=items, next_cursor=page.next_cursor)


@router.post(
    "/gifts/{gift_id}/revoke",
    summary="Take a gift back",
    responses=refusals(*SIGNED_IN, NotFound, PaymentConsumed),
)
async def revoke_gift(
    gift_id: GiftId, caller: SignedIn, container: Wired, _idempotency_key: IdempotencyKey = None
) -> Gift:
    """Its credits are its buyer's from now on. PAYMENT_CONSUMED: somebody has opened it.

    A repeat changes nothing, so that it needs no `Idempotency-Key`.
    """
    return gift_of(await container.services.gifts.revoke(caller.actor, gift_id))
