"""The subscription: stop its renewal, take it up again."""

from fastapi import APIRouter

from app.api.deps import SIGNED_IN, SignedIn, SignedInRoute, Wired
from app.api.errors import refusals
from app.api.webapp.bodies import IdempotencyKey
from app.api.webapp.rendering import subscription_of
from app.api.webapp.shapes import Subscription
from app.domain.errors import NotFound

router = APIRouter(prefix="/api/v1", tags=["subscription"], route_class=SignedInRoute)


@router.post("/subscription/cancel", summary="Stop its renewal", responses=refusals(*SIGNED_IN, NotFound))
async def cancel_subscription(
    caller: SignedIn, container: Wired, _idempotency_key: IdempotencyKey = None
) -> Subscription:
    """What is paid stays until the end of its period. Not found: nothing that Telegram would renew."""
    return subscription_of(await container.services.subscriptions.cancel(caller.actor))


@router.post("/subscription/resume", summary="Let it be renewed again", responses=refusals(*SIGNED_IN, NotFound))
async def resume_subscription(
    caller: SignedIn, container: Wired, _idempotency_key: IdempotencyKey = None
) -> Subscription:
    """Until the end of the period that is paid; after that it is ordered anew."""
    return subscription_of(await container.services.subscriptions.resume(caller.actor))
