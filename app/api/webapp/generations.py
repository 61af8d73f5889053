"""Generations: submit, list, read, cancel, delete."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.api.deps import SIGNED_IN, SignedIn, SignedInRoute, Wired
from app.api.errors import refusals
from app.api.webapp.bodies import IdempotencyKey, NewGeneration
from app.api.webapp.choices import options_of
from app.api.webapp.paging import Cursor, Limit
from app.api.webapp.rendering import generation_of, generations_of
from app.api.webapp.shapes import Generation, Listing
from app.core.errors import AppError
from app.domain.errors import (
    ConcurrentUpdate,
    DuplicateRequest,
    GenerationNotCancellable,
    GenerationNotFound,
    IdempotencyKeyReused,
    InsufficientCredits,
    Maintenance,
    MaxActiveGenerations,
    ModelUnavailable,
    NotFound,
    PaymentConsumed,
    PriceChanged,
    PromptRejected,
    StyleUnavailable,
    UploadInvalid,
)
from app.domain.generations.models import Funding, Kind, Origin, Status
from app.domain.generations.requests import SubmitGeneration
from app.domain.limits.request_keys import RequestKey

router = APIRouter(prefix="/api/v1", tags=["generations"], route_class=SignedInRoute)

GenerationId = Annotated[UUID, Path(description="The generation's id.")]
SUBMIT: tuple[type[AppError], ...] = (
    *SIGNED_IN,
    DuplicateRequest,
    ConcurrentUpdate,
    Maintenance,
    ModelUnavailable,
    StyleUnavailable,
    PromptRejected,
    NotFound,
    UploadInvalid,
    MaxActiveGenerations,
    InsufficientCredits,
)
"""What everything that starts a generation can answer."""


@router.post(
    "/generations",
    status_code=202,
    summary="Order a generation",
    responses=refusals(*SUBMIT, IdempotencyKeyReused, PriceChanged, GenerationNotFound),
)
async def submit_generation(
    body: NewGeneration, caller: SignedIn, container: Wired, idempotency_key: IdempotencyKey = None
) -> Generation:
    """Holds its price and queues it; what comes of it is told by `GET /events` or by reading it again.

    A repeat with the same `Idempotency-Key` answers DUPLICATE_REQUEST with the first one's id, unless that one failed
    or was cancelled.
    """
    request = SubmitGeneration(
        kind=Kind(body.kind),
        model_key=body.model,
        prompt=body.prompt,
        negative_prompt=body.negative_prompt,
        options=await options_of(container, body),
        origin=Origin.API,
        funding=Funding(body.funding),
        parent_id=body.parent_id,
        inputs=tuple(body.inputs or ()),
        style_key=body.style or None,
        avatar_id=body.avatar,
        max_price=body.max_price,
        request_key=f"api:{idempotency_key}" if idempotency_key else None,
        body_hash=body.digest() if idempotency_key else None,
    )
    view = await container.services.generations.submit(caller.actor, request)
    return await generation_of(container, view, caller.language)


@router.post(
    "/generations/{generation_id}/unlock",
    summary="Take the watermark away for credits",
    responses=refusals(
        *SIGNED_IN,
        GenerationNotFound,
        NotFound,
        PaymentConsumed,
        InsufficientCredits,
        IdempotencyKeyReused,
        ConcurrentUpdate,
    ),
)
async def unlock_generation(
    generation_id: GenerationId, caller: SignedIn, container: Wired, idempotency_key: IdempotencyKey = None
) -> Generation:
    """Its outputs are the clean originals from now on; what it costs is the `credits` of the product `unlock`.

    For Stars it is ordered with `POST /payments`. PAYMENT_CONSUMED: there is no watermark (any more).
    """
    request_key = RequestKey(idempotency_key, "unlock", generation_id.bytes) if idempotency_key else None
    view = await container.services.unlocks.with_credits(caller.actor, generation_id, request_key=request_key)
    return await generation_of(container, view, caller.language)


@router.get("/generations", summary="My generations, newest first", responses=refusals(*SIGNED_IN))
async def list_generations(
    *,
    caller: SignedIn,
    container: Wired,
    cursor: Cursor = None,
    limit: Limit = 20,
    kind: Annotated[
        Literal["image", "edit", "video", "upscale", "pack"] | None, Query(description="Only these.")
    ] = None,
    status: Annotated[
        Literal["pending", "processing", "completed", "failed", "cancelled"] | None, Query(description="Only these.")
    ] = None,
) -> Listing[Generation]:
    """Deleted ones are left out."""
    page = await container.services.generations.list_(
        caller.actor,
        cursor=cursor,
        limit=limit,
        kind=kind,
        status=Status(status.upper()) if status else None,
    )
    return await generations_of(container, page, caller.language)


@router.get(
    "/generations/{generation_id}",
    summary="One generation",
    responses=refusals(*SIGNED_IN, GenerationNotFound),
)
async def read_generation(generation_id: GenerationId, caller: SignedIn, container: Wired) -> Generation:
    """With its progress and, once there are any, links to its results. Somebody else's is not found."""
    view = await container.services.generations.get(caller.actor, generation_id)
    return await generation_of(container, view, caller.language)


@router.delete(
    "/generations/{generation_id}",
    status_code=204,
    summary="Delete a finished generation",
    responses=refusals(*SIGNED_IN, GenerationNotFound, GenerationNotCancellable, ConcurrentUpdate),
)
async def delete_generation(generation_id: GenerationId, caller: SignedIn, container: Wired) -> None:
    """Its prompt and pictures are gone for good; the statement keeps what it cost."""
    await container.services.generations.delete(caller.actor, generation_id)


@router.post(
    "/generations/{generation_id}/cancel",
    summary="Cancel a generation",
    responses={
        202: {"model": Generation, "description": "Its vendor is being asked to stop; a finished result wins."},
        **refusals(*SIGNED_IN, GenerationNotFound, GenerationNotCancellable, ConcurrentUpdate),
    },
)
async def cancel_generation(
    generation_id: GenerationId, caller: SignedIn, container: Wired, response: Response
) -> Generation:
    """200: cancelled, the hold is back. 202: on its way (`progress.stage` is `cancelling`)."""
    view = await container.services.generations.cancel(caller.actor, generation_id)
    response.status_code = 200 if view.status is Status.CANCELLED else 202
    return await generation_of(container, view, caller.language)
