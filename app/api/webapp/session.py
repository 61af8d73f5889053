"""Sign-in of the cabinet: launch data, or the token of a one-time link, for a session token."""

from fastapi import APIRouter, Request

from app.api.deps import Wired, admit, enter, redeem_link
from app.api.errors import refusals
from app.api.starts import follow
from app.api.webapp.bodies import SignIn
from app.api.webapp.rendering import me_of
from app.api.webapp.shapes import Session
from app.domain.errors import (
    InitDataExpired,
    InitDataInvalid,
    InternalError,
    ProviderUnavailable,
    RateLimitExceeded,
    SessionExpired,
    Unauthenticated,
    UserBanned,
    UserSuspended,
    ValidationFailed,
)

router = APIRouter(prefix="/api/v1", tags=["session"])


@router.post(
    "/session",
    summary="Sign in with the Mini App's launch data, or in a browser with a one-time link",
    responses=refusals(
        InitDataInvalid,
        InitDataExpired,
        Unauthenticated,
        SessionExpired,
        UserBanned,
        UserSuspended,
        ValidationFailed,
        RateLimitExceeded,
        InternalError,
        ProviderUnavailable,
    ),
)
async def sign_in(request: Request, body: SignIn, container: Wired) -> Session:
    """A token for `Authorization: Bearer`. A new user is created, with the first-start credits.

    What the link was for by which the Mini App was opened (`start_param`) is done: a gift opened, a code redeemed, an
    invitation remembered. The token of a link for an outside browser (`auth`) works once, for ten minutes.
    """
    seconds = container.settings.session_ttl_seconds
    if body.init_data is None:
        caller = admit(request, await redeem_link(request, body.auth or ""), in_browser=True)
        token = await container.sessions.create(caller.user_id, ttl_seconds=seconds, in_browser=True)
    else:
        visit = await enter(request, body.init_data)
        caller = admit(request, visit.user)
        token = await container.sessions.create(caller.user_id, ttl_seconds=seconds)
        await follow(container, caller.actor, visit.start, init_data=body.init_data)
    return Session(token=token, expires_in=seconds, user=await me_of(container, caller.actor))
