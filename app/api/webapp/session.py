"""Sign-in of the cabinet: launch data for a session token."""

from fastapi import APIRouter, Request

from app.api.deps import Wired, admit, enter
from app.api.errors import refusals
from app.api.webapp.bodies import SignIn
from app.api.webapp.rendering import me_of
from app.api.webapp.shapes import Session
from app.domain.errors import (
    InitDataExpired,
    InitDataInvalid,
    InternalError,
    ProviderUnavailable,
    RateLimitExceeded,
    UserBanned,
    UserSuspended,
    ValidationFailed,
)

router = APIRouter(prefix="/api/v1", tags=["session"])


@router.post(
    "/session",
    summary="Sign in with the Mini App's launch data",
    responses=refusals(
        InitDataInvalid,
        InitDataExpired,
        UserBanned,
        UserSuspended,
        ValidationFailed,
        RateLimitExceeded,
        InternalError,
        ProviderUnavailable,
    ),
)
async def sign_in(request: Request, body: SignIn, container: Wired) -> Session:
    """A token for `Authorization: Bearer`. A new user is created, with the first-start credits."""
    visit = await enter(request, body.init_data)
    caller = admit(request, visit.user)
    seconds = container.settings.session_ttl_seconds
    token = await container.sessions.create(caller.user_id, ttl_seconds=seconds)
    account = await container.services.accounts.me(caller.actor)
    return Session(token=token, expires_in=seconds, user=me_of(account))
