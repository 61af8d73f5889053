"""The payment page at `/tbank/pay/…`: what is paid, one button that pays and one that is declined. No script."""

import contextlib
from html import escape
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from app.sandbox.acts import ActRefused
from app.sandbox.tbank.control import settle
from app.sandbox.tbank.payments import Payment, TBankStatus
from app.sandbox.world import world_of

_STATIC: Final = Path(__file__).parent / "static"
_HEADERS: Final = {
    # The page sends the buyer on to the shop, wherever that is.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_BODY_LIMIT_BYTES: Final = 1_000

_WORDS: Final = {
    "ru": {
        "title": "Оплата",
        "order": "Заказ",
        "pay": "Оплатить",
        "decline": "Отклонить карту",
        "card": "Тестовая карта",
        "sandbox": "Песочница: деньги не списываются",
        "back": "Вернуться в магазин",
        "declined": "Банк отклонил карту. Попробуйте ещё раз.",
        "paid": "Оплачено",
        "paid_more": "Чек придёт на почту, магазин уже знает об оплате.",
        "refunded": "Деньги возвращены",
        "closed": "Страница закрыта",
        "closed_more": "Заказ отменён или время на оплату вышло. Деньги не списаны.",
        "missing": "Такой страницы нет",
        "missing_more": "Проверьте ссылку, по которой вы пришли.",
    },
    "en": {
        "title": "Payment",
        "order": "Order",
        "pay": "Pay",
        "decline": "Decline the card",
        "card": "Test card",
        "sandbox": "Sandbox: nothing is charged",
        "back": "Back to the shop",
        "declined": "The bank declined the card. Try again.",
        "paid": "Paid",
        "paid_more": "The receipt goes to your e-mail, the shop knows already.",
        "refunded": "The money was given back",
        "closed": "This page is closed",
        "closed_more": "The order was cancelled, or its time is over. Nothing was charged.",
        "missing": "There is no such page",
        "missing_more": "Check the link that brought you here.",
    },
}
_PAID: Final = frozenset({TBankStatus.AUTHORIZED, TBankStatus.CONFIRMED})
_REFUNDED: Final = frozenset({TBankStatus.PARTIAL_REFUNDED, TBankStatus.REFUNDED})


async def _show(request: Request) -> Response:
    world = world_of(request)
    payment = world.tbank.find_page(request.path_params["slug"])
    if payment is None:
        return _html(_notice(_WORDS["ru"], "closed", "missing", "missing_more", back=None), "ru", status_code=404)
    payment = world.tbank.show_page(payment)
    return _html(_content(payment), payment.language)


async def _press(request: Request) -> Response:
    world = world_of(request)
    payment = world.tbank.find_page(request.path_params["slug"])
    raw = await request.body()
    pressed = parse_qs(raw[:_BODY_LIMIT_BYTES].decode(errors="replace")).get("outcome", [""])[0]
    if payment is not None and pressed in {"paid", "declined"}:
        # Pressed twice, or too late: the page itself says how it stands.
        with contextlib.suppress(ActRefused):
            settle(world, payment, is_paid=pressed == "paid")
    return RedirectResponse(request.url.path, status_code=303)


async def _style(_request: Request) -> Response:
    return FileResponse(_STATIC / "pay.css", media_type="text/css", headers={"Cache-Control": "no-cache"})


async def _icon(_request: Request) -> Response:
    return FileResponse(_STATIC / "icon.svg", media_type="image/svg+xml", headers={"Cache-Control": "no-cache"})


def _content(payment: Payment) -> str:
    words = _WORDS[payment.language]
    if payment.is_payable:
        return _form(payment, words)
    if payment.status in _PAID:
        return _notice(words, "paid", "paid", "paid_more", back=payment.success_url, sum_shown=_roubles(payment.amount))
    if payment.status in _REFUNDED:
        refunded = _roubles(payment.refunded)
        return _notice(words, "closed", "refunded", None, back=payment.success_url, sum_shown=refunded)
    return _notice(words, "closed", "closed", "closed_more", back=payment.fail_url)


def _form(payment: Payment, words: dict[str, str]) -> str:
    declined = ""
    if payment.status is TBankStatus.REJECTED:
        declined = f'<p class="declined" role="alert">{words["declined"]}</p>'
    back = f'<a class="back" href="{escape(payment.fail_url)}">{words["back"]}</a>' if payment.fail_url else ""
    return f"""
      <p class="description">{escape(payment.description)}</p>
      <p class="sum">{_roubles(payment.amount)}</p>
      <p class="order">{words["order"]} {escape(payment.order_id)}</p>
      <div class="card" aria-hidden="true">
        <span class="chip"></span>
        <span class="number">2201 38•• •••• 0013</span>
        <span class="small"><span>{words["card"]}</span><span>12/30</span></span>
      </div>
      {declined}
      <form method="post">
        <button class="pay" name="outcome" value="paid">{words["pay"]} {_roubles(payment.amount)}</button>
        <button class="decline" name="outcome" value="declined">{words["decline"]}</button>
      </form>
      {back}"""


def _notice(
    words: dict[str, str], look: str, title: str, more: str | None, *, back: str | None, sum_shown: str = ""
) -> str:
    more_shown = f'<p class="description">{words[more]}</p>' if more else ""
    back_shown = f'<a class="pay" href="{escape(back)}">{words["back"]}</a>' if back else ""
    return f"""
      <div class="mark mark-{look}" aria-hidden="true"></div>
      <h1>{words[title]}</h1>
      <p class="sum">{sum_shown}</p>
      {more_shown}
      {back_shown}"""


def _html(content: str, language: str, *, status_code: int = 200) -> Response:
    words = _WORDS[language]
    page = f"""<!doctype html>
<html lang="{language}">
  <head>
    <meta charset="utf-8">
    <title>{words["title"]}</title>
    <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
    <meta name="color-scheme" content="light dark">
    <link rel="icon" href="/tbank/icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="/tbank/pay.css">
  </head>
  <body>
    <main>
      <header><span class="logo" aria-hidden="true">T</span><span>{words["title"]}</span></header>
      <section>{content}
      </section>
      <footer>{words["sandbox"]}</footer>
    </main>
  </body>
</html>
"""
    return HTMLResponse(page, status_code=status_code, headers=_HEADERS)


def _roubles(kopecks: int) -> str:
    whole, rest = divmod(kopecks, 100)
    written = f"{whole:,}".replace(",", "\u202f")
    return f"{written},{rest:02d}\u00a0₽" if rest else f"{written}\u00a0₽"


ROUTES: Final = [
    Route("/tbank/pay.css", _style, methods=["GET"]),
    Route("/tbank/icon.svg", _icon, methods=["GET"]),
    Route("/tbank/pay/{slug}", _show, methods=["GET"]),
    Route("/tbank/pay/{slug}", _press, methods=["POST"]),
]
