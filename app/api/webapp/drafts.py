"""Drafts: a generation with its price locked, to be started later."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from app.api.deps import SIGNED_IN, SignedIn, SignedInRoute, Wired
from app.api.errors import refusals
from app.api.webapp.bodies import IdempotencyKey, NewGeneration, StartDraft
from app.api.webapp.choices import options_of
from app.api.webapp.generations import SUBMIT
from app.api.webapp.rendering import draft_of, generation_of
from app.api.webapp.shapes import Draft, Generation
from app.domain.errors import (
    GenerationNotFound,
    IdempotencyKeyReused,
    Maintenance,
    ModelUnavailable,
    NotFound,
    PaymentAlreadyRefunded,
    PaymentConsumed,
    PaymentMismatch,
    PaymentNotFound,
    PriceChanged,
    StyleUnavailable,
    UploadInvalid,
)
from app.domain.generations.models import Funding, Kind, Origin
from app.domain.generations.requests import NewDraft
from app.domain.limits.request_keys import RequestKey

router = APIRouter(prefix="/api/v1", tags=["drafts"], route_class=SignedInRoute)

DraftId = Annotated[UUID, Path(description="The draft's id.")]


@router.post(
    "/drafts",
    status_code=201,
    summary="Lock a price",
    responses={
        200: {"model": Draft, "description": "The draft that this `Idempotency-Key` made before."},
        **refusals(
            *SIGNED_IN,
            Maintenance,
            ModelUnavailable,
            StyleUnavailable,
            PriceChanged,
            IdempotencyKeyReused,
            GenerationNotFound,
            NotFound,
            UploadInvalid,
        ),
    },
)
async def create_draft(
    body: NewGeneration,
    caller: SignedIn,
    container: Wired,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> Draft:
    """Holds nothing yet. The prompt is judged when the draft is started."""
    options = await options_of(container, body)
    new = NewDraft(
        prompt=body.prompt,
        kind=Kind(body.kind),
        model_key=body.model,
        negative_prompt=body.negative_prompt,
        aspect_ratio=options.aspect_ratio,
        count=options.count,
        seed=options.seed,
        duration_seconds=options.duration_seconds,
        inputs=tuple(body.inputs or ()),
        style_key=body.style or None,
        avatar_id=body.avatar,
        funding=Funding(body.funding),
        parent_id=body.parent_id,
    )
    request_key = RequestKey(idempotency_key, "drafts", body.digest()) if idempotency_key else None
    draft = await container.services.drafts.create(
        caller.actor, new, request_key=request_key, max_price_credits=body.max_price
    )
    if draft.is_repeat:
        response.status_code = 200
    return draft_of(container, draft, caller)


@router.get("/drafts/{draft_id}", summary="One draft", responses=refusals(*SIGNED_IN, NotFound))
async def read_draft(draft_id: DraftId, caller: SignedIn, container: Wired) -> Draft:
    """Somebody else's is not found."""
    return draft_of(container, await container.services.drafts.get(caller.actor, draft_id), caller)


@router.post(
    "/drafts/{draft_id}/start",
    status_code=202,
    summary="Start a draft",
    responses=refusals(*SUBMIT, NotFound, PaymentNotFound, PaymentConsumed, PaymentMismatch, PaymentAlreadyRefunded),
)
async def start_draft(
    draft_id: DraftId,
    caller: SignedIn,
    container: Wired,
    body: StartDraft | None = None,
    _idempotency_key: IdempotencyKey = None,
) -> Generation:
    """Holds the draft's price and queues it, once: a second start answers DUPLICATE_REQUEST with the first one's id.

    So a draft needs no `Idempotency-Key`; one that is sent anyway is welcome and changes nothing. An expired draft is
    not found.

    With `payment_id` it is started on that payment, which starts one generation and no other: PAYMENT_CONSUMED names
    the one that it has started. A payment for a draft starts it by itself when it arrives.
    """
    services, payment_id = container.services, body.payment_id if body else None
    if payment_id is None:
        view = await services.drafts.start(caller.actor, draft_id, origin=Origin.API)
    else:
        view = await services.pay_and_go.start(caller.actor, draft_id, payment_id=payment_id, origin=Origin.API)
    return await generation_of(container, view, caller.language)
