"""What routes are handed: the container, and who calls.

A signed-in route knows its caller before FastAPI looks at anything else of the request, since a refusal names the
first of: authentication, ban, body, … (spec §5); FastAPI alone would complain of the body first.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Final, cast

import structlog
from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from app.api.auth import verify_init_data
from app.api.languages import remember_language
from app.api.starts import follow
from app.container import Container
from app.core.db import is_outage
from app.core.errors import AppError
from app.domain.accounts.service import Visit
from app.domain.actors import Actor
from app.domain.errors import (
    InitDataExpired,
    InitDataInvalid,
    InternalError,
    ProviderUnavailable,
    RateLimitExceeded,
    SessionExpired,
    Unauthenticated,
    UserBanned,
    UserNotFound,
    UserSuspended,
    ValidationFailed,
)
from app.domain.payments.models import Method
from app.domain.payments.views import OrderView
from app.domain.users.rules import require_allowed
from app.domain.users.views import UserView

# Forged launch data from one address (spec §4, "unknown callers"). Genuine ones from behind it still pass, and so do
# sessions that have run out: a cabinet that wakes up sends several at once, and a whole city may share an address.
_FORGERIES_LIMIT: Final = 10
_FORGERIES_WINDOW_SECONDS: Final = 10
_LONGEST_TOKEN: Final = 128

SIGNED_IN: Final[tuple[type[AppError], ...]] = (
    Unauthenticated,
    InitDataInvalid,
    InitDataExpired,
    SessionExpired,
    UserBanned,
    UserSuspended,
    ValidationFailed,
    RateLimitExceeded,
    InternalError,
    ProviderUnavailable,
)
"""What every operation of a signed-in user can answer."""

_USER_SCHEMES: Final = ("session", "launchData")
SECURITY_SCHEMES: Final[dict[str, dict[str, str]]] = {
    "session": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token of `POST /api/v1/session`.",
    },
    "launchData": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`tma ` and the Mini App's launch data, as Telegram wrote it (`Telegram.WebApp.initData`).",
    },
    "metrics": {"type": "http", "scheme": "bearer", "description": "`METRICS_TOKEN`."},
}


@dataclass(frozen=True, slots=True)
class Caller:
    """The signed-in user of this request."""

    actor: Actor
    user_id: int
    language: str
    cards_allowed: bool = False
    """Only in a session that was opened in a browser: inside Telegram there are Stars and nothing else."""

    def may_see(self, order: OrderView) -> bool:
        """Whether an order may be shown here: inside Telegram there is no word of cards (its rules)."""
        return self.cards_allowed or order.method is Method.STARS


def container_of(request: Request) -> Container:
    """The container that the app was built with."""
    return cast(Container, request.app.state.container)


def caller_of(request: Request) -> Caller:
    """Who calls; known before the route began."""
    return cast(Caller, request.state.caller)


Wired = Annotated[Container, Depends(container_of)]
SignedIn = Annotated[Caller, Depends(caller_of)]


class SignedInRoute(APIRoute):
    """A route for signed-in users who are neither banned nor suspended."""

    def __init__(self, *args: Any, **options: Any) -> None:
        extra = options.pop("openapi_extra", None) or {}
        security: list[dict[str, list[str]]] = [{scheme: []} for scheme in _USER_SCHEMES]
        super().__init__(*args, openapi_extra={"security": security, **extra}, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_signed_in(request: Request) -> Response:
            try:
                request.state.caller = await _sign_in(request)
            except Exception as error:
                if not is_outage(error):
                    raise
                # Nothing has been done yet, which at the border nobody could promise any more.
                raise ProviderUnavailable(log={"outage": type(error).__name__}) from error
            return await handle(request)

        return handle_signed_in


async def _sign_in(request: Request) -> Caller:
    """Find out who calls. Raises: whatever `SIGNED_IN` says about sign-in, ban and suspension."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "tma":
            return await _admit_launch(request, credentials)
        case "bearer":
            user, in_browser = await find_session(container_of(request), credentials)
            return admit(request, user, in_browser=in_browser)
        case _:
            raise Unauthenticated


async def _admit_launch(request: Request, init_data: str) -> Caller:
    """Who calls with launch data. The first call of a new user does what their link was for (spec §6)."""
    visit = await enter(request, init_data)
    caller = admit(request, visit.user)
    if visit.is_new:
        await follow(container_of(request), caller.actor, visit.start, init_data=init_data)
    return caller


async def enter(request: Request, init_data: str) -> Visit:
    """Let somebody in by launch data; a new user is created, with the first-start grant.

    Raises: InitDataInvalid, InitDataExpired, RateLimitExceeded.
    """
    container = container_of(request)
    try:
        launch = verify_init_data(init_data, container.settings.bot_token.get_secret_value())
    except InitDataInvalid:
        await _count_forgery(request, container)
        raise
    return await container.services.accounts.enter_launch(
        launch.identity, auth_date=launch.auth_date, start_param=launch.start_param
    )


async def redeem_link(request: Request, token: str) -> UserView:
    """Let somebody in by the one-time link that the bot gave them.

    Raises: Unauthenticated, SessionExpired, UserBanned, UserSuspended, RateLimitExceeded.
    """
    container = container_of(request)
    try:
        return await container.services.browser_links.redeem(token)
    except SessionExpired:
        raise
    except Unauthenticated:
        await _count_forgery(request, container)
        raise


def admit(request: Request, user: UserView, *, in_browser: bool = False) -> Caller:
    """Let them through, unless they are banned or suspended; from here on they are spoken to in their language.

    Raises: UserBanned, UserSuspended.
    """
    remember_language(request.scope, user.language)
    request.state.user_id = user.id
    structlog.contextvars.bind_contextvars(user_id=user.id)
    require_allowed(user)
    return Caller(actor=Actor.user(user.id), user_id=user.id, language=user.language, cards_allowed=in_browser)


async def find_session(container: Container, token: str) -> tuple[UserView, bool]:
    """Whose session a token is, and whether it was opened in a browser. Raises: SessionExpired, ProviderUnavailable."""
    if not 0 < len(token) <= _LONGEST_TOKEN or not token.isascii():
        raise SessionExpired
    owner = await container.sessions.find(token)
    if owner is None:
        raise SessionExpired
    try:
        user = await container.services.users.get(owner.user_id)
    except UserNotFound as error:
        raise SessionExpired from error
    if user.deleted:
        raise SessionExpired
    return user, owner.in_browser


async def _count_forgery(request: Request, container: Container) -> None:
    address = request.client.host if request.client else "unknown"
    within = await container.rate_counter.hit(
        "forged-launch-data", address, limit=_FORGERIES_LIMIT, window_seconds=_FORGERIES_WINDOW_SECONDS
    )
    if not within:
        raise RateLimitExceeded(retry_after=_FORGERIES_WINDOW_SECONDS)
