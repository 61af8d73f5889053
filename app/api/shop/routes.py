"""Routes of the shop under `/web`: the one-time link, the shelf, an order. The session is a cookie of these pages."""

import secrets
from collections.abc import Awaitable, Callable, Coroutine
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import FileResponse, RedirectResponse, Response

from app.api.deps import Caller, Wired, admit, container_of, find_session, redeem_link
from app.api.errors import sentence, status_of
from app.api.languages import language_of
from app.api.shop import pages
from app.api.shop.pages import Words
from app.container import Container
from app.core.errors import AppError
from app.domain.catalog.views import Product, ProductKind
from app.domain.errors import Forbidden, PaymentNotFound, SessionExpired, Unauthenticated
from app.domain.limits.request_keys import RequestKey
from app.domain.payments.models import Method
from app.domain.payments.views import NewOrder

_STATIC: Final = Path(__file__).parent / "static"
_CACHED: Final = {"Cache-Control": "public, max-age=300"}
_COOKIE: Final = "starbrush_web"
_OPERATION: Final = "web-orders"
_ORDERS_SHOWN: Final = 5
_LONGEST_FIELD: Final = 256
_KEY_LENGTH: Final = 64


class ShopRoute(APIRoute):
    """A route whose refusals are pages, in the language of whoever is signed in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle: Callable[[Request], Awaitable[Response]] = super().get_route_handler()

        async def handle_page(request: Request) -> Response:
            try:
                return await handle(request)
            except AppError as error:
                return _refusal(request, error)

        return handle_page


router = APIRouter(prefix="/web", include_in_schema=False, route_class=ShopRoute)


@router.get("/style.css")
async def send_style() -> Response:
    """The pages' style sheet."""
    return FileResponse(_STATIC / "shop.css", media_type="text/css", headers=_CACHED)


@router.get("/icon.svg")
async def send_icon() -> Response:
    """What the browser shows on the tab."""
    return FileResponse(_STATIC / "icon.svg", media_type="image/svg+xml", headers=_CACHED)


@router.get("")
async def show_entry(container: Wired, auth: str = "") -> Response:
    """The page of a link. Looking at it uses nothing up."""
    user = await container.services.browser_links.read(auth)
    return pages.entry(Words(container.translator, user.language), auth)


@router.post("")
async def sign_in(request: Request, container: Wired) -> Response:
    """Use the link up and open a session of this browser."""
    form = await _read_form(request)
    caller = admit(request, await redeem_link(request, form.get("auth", "")), in_browser=True)
    seconds = container.settings.session_ttl_seconds
    token = await container.sessions.create(caller.user_id, ttl_seconds=seconds, in_browser=True)
    response = RedirectResponse("/web/shop", status_code=303)
    response.set_cookie(
        _COOKIE,
        token,
        max_age=seconds,
        path="/web",
        httponly=True,
        # The buyer comes back from the payment page by a link.
        samesite="lax",
        secure=urlsplit(container.settings.public_url).scheme == "https",
    )
    return response


@router.get("/shop")
async def show_shelf(request: Request, container: Wired) -> Response:
    """What is sold here."""
    caller = await _signed_in(request, container)
    user = await container.services.users.get(caller.user_id)
    products: list[Product] = []
    if await container.services.terminals.sells_to(user):
        products = [product for product in await container.services.catalog.list_products() if _is_sold(product)]
    orders = await container.services.orders.list_own(caller.actor, limit=_ORDERS_SHOWN, method=Method.TBANK)
    return pages.shelf(
        Words(container.translator, user.language),
        user,
        products,
        list(orders.items),
        # A press is one order however often it is sent; the page shown anew offers another.
        request_key=secrets.token_hex(12),
    )


@router.post("/orders")
async def place_order(request: Request, container: Wired) -> Response:
    """Order a product and go on to its payment page."""
    form = await _read_form(request)
    caller = await _signed_in(request, container)
    product, key = form.get("product", ""), form.get("key", "")[:_KEY_LENGTH]
    body_hash = sha256(product.encode()).digest()
    order = await container.services.orders.create(
        caller.actor,
        NewOrder(method=Method.TBANK, product_key=product),
        request_key=RequestKey(key, _OPERATION, body_hash) if key else None,
        cards_allowed=caller.cards_allowed,
    )
    return RedirectResponse(f"/web/orders/{order.id}?go=1", status_code=303)


@router.get("/orders/{order_id}")
async def show_order(order_id: str, request: Request, container: Wired, go: str = "") -> Response:
    """How an order stands; one that is pending is asked about soon."""
    caller = await _signed_in(request, container)
    try:
        number = UUID(order_id)
    except ValueError as error:
        raise PaymentNotFound from error
    order = await container.services.orders.get(caller.actor, number)
    if order.method is not Method.TBANK:
        # What is paid inside Telegram has no page here.
        raise PaymentNotFound
    await container.services.card_events.look(caller.actor, order.id)
    user = await container.services.users.get(caller.user_id)
    return pages.order_page(Words(container.translator, user.language), order, user, forward=go == "1")


async def _signed_in(request: Request, container: Container) -> Caller:
    """Who looks at the page. Raises: SessionExpired, UserBanned, UserSuspended, ProviderUnavailable."""
    user, in_browser = await find_session(container, request.cookies.get(_COOKIE, ""))
    if not in_browser:
        raise SessionExpired
    return admit(request, user, in_browser=True)


async def _read_form(request: Request) -> dict[str, str]:
    """The fields of one of our own forms. Raises: Forbidden when another site has sent it."""
    origin = request.headers.get("origin", "")
    if origin and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise Forbidden(log={"why": "a form of another site", "origin": origin[:_LONGEST_FIELD]})
    fields = parse_qs((await request.body()).decode(errors="replace"), max_num_fields=8)
    return {name: values[0][:_LONGEST_FIELD].replace("\0", "") for name, values in fields.items()}


def _is_sold(product: Product) -> bool:
    """Packs, and premium that is paid once: what renews itself is Telegram's."""
    is_once = product.kind is ProductKind.PACK or (product.kind is ProductKind.SUBSCRIPTION and not product.recurring)
    return is_once and product.rub_kopecks is not None


def _refusal(request: Request, error: AppError) -> Response:
    translator, language = container_of(request).translator, language_of(request.scope)
    if isinstance(error, Unauthenticated):
        text = translator.translate(language, "web-expired")
    else:
        text = sentence(translator, language, error.code, error.params)
    return pages.notice(Words(translator, language), "web-sorry", text, status_code=status_of(error))
