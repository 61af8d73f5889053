"""Avatars: whom photo packs are made of."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from app.api.deps import SIGNED_IN, SignedIn, SignedInRoute, Wired
from app.api.errors import refusals
from app.api.webapp.bodies import IdempotencyKey, NewAvatar
from app.api.webapp.rendering import avatar_of
from app.api.webapp.shapes import Avatar, Listing
from app.domain.errors import IdempotencyKeyReused, NotFound, UploadInvalid
from app.domain.limits.request_keys import RequestKey

router = APIRouter(prefix="/api/v1", tags=["avatars"], route_class=SignedInRoute)


@router.get("/avatars", summary="My avatars, newest first", responses=refusals(*SIGNED_IN))
async def list_avatars(caller: SignedIn, container: Wired) -> Listing[Avatar]:
    """All of them: there are ten at most."""
    views = await container.services.avatars.list_(caller.actor)
    return Listing(items=[await avatar_of(container, view) for view in views], next_cursor=None)


@router.post(
    "/avatars",
    status_code=201,
    summary="Make an avatar",
    responses={
        200: {"model": Avatar, "description": "The avatar that this `Idempotency-Key` made before."},
        **refusals(*SIGNED_IN, NotFound, UploadInvalid, IdempotencyKeyReused),
    },
)
async def create_avatar(
    body: NewAvatar, caller: SignedIn, container: Wired, response: Response, idempotency_key: IdempotencyKey = None
) -> Avatar:
    """Costs nothing. Its photos do not expire; they are erased with it."""
    request_key = RequestKey(idempotency_key, "avatars", body.digest()) if idempotency_key else None
    view = await container.services.avatars.create(caller.actor, body.name, body.inputs, request_key=request_key)
    if view.is_repeat:
        response.status_code = 200
    return await avatar_of(container, view)


@router.delete(
    "/avatars/{avatar_id}",
    status_code=204,
    summary="Delete an avatar",
    responses=refusals(*SIGNED_IN, NotFound),
)
async def delete_avatar(
    avatar_id: Annotated[UUID, Path(description="The avatar's id.")], caller: SignedIn, container: Wired
) -> None:
    """Its photos are erased with it; what was made of them stays. Somebody else's is not found."""
    await container.services.avatars.delete(caller.actor, avatar_id)
