"""The shop's pages as HTML: no script, one style sheet, everything that is not ours escaped."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from starlette.responses import HTMLResponse

from app.core.i18n import Translator
from app.domain.catalog.views import Product
from app.domain.payments.views import OrderState, OrderView
from app.domain.users.views import UserView

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    # With no referrer at all browsers would also hide the origin of our own forms.
    "Referrer-Policy": "same-origin",
}
# How often a page looks again whether its order was paid.
_LOOK_AGAIN_SECONDS: Final = 3
_LOOKS: Final = {
    OrderState.PENDING: "waiting",
    OrderState.PAID: "good",
    OrderState.REFUNDED: "over",
    OrderState.EXPIRED: "over",
    OrderState.FAILED: "over",
    OrderState.CLOSED: "over",
}


@dataclass(frozen=True, slots=True)
class Words:
    """The catalogue in one language, ready for HTML."""

    translator: Translator
    language: str

    def say(self, key: str, **params: object) -> str:
        """A sentence, escaped."""
        return escape(self.translator.translate(self.language, key, **params))


def entry(words: Words, token: str) -> HTMLResponse:
    """Asks for one press, so that a preview of the link does not use it up."""
    content = f"""
      <h1>{words.say("web-entry-title")}</h1>
      <p class="dim">{words.say("web-entry-text")}</p>
      <form method="post" action="/web">
        <input type="hidden" name="auth" value="{escape(token)}">
        <button class="primary">{words.say("web-continue")}</button>
      </form>"""
    return _page(words, content)


def notice(words: Words, title_key: str, text: str, *, status_code: int) -> HTMLResponse:
    """One sentence about what cannot be; `text` is translated and not escaped yet."""
    content = f"""
      <h1>{words.say(title_key)}</h1>
      <p class="dim">{escape(text)}</p>"""
    return _page(words, content, status_code=status_code)


def shelf(
    words: Words, user: UserView, products: Sequence[Product], orders: Sequence[OrderView], *, request_key: str
) -> HTMLResponse:
    """What is sold, each with a button, and what was ordered before."""
    offers = "".join(_offer(words, product, request_key) for product in products)
    bought = "".join(_line(words, order) for order in orders)
    empty = f'<p class="dim">{words.say("web-empty")}</p>' if not products else ""
    history = f'<h2>{words.say("web-orders")}</h2><ul class="orders">{bought}</ul>' if bought else ""
    content = f"""
      <p class="dim">{words.say("web-hello", name=user.first_name)}</p>
      <p class="balance">{words.say("web-balance", credits=user.credits)}</p>
      {empty}
      <div class="offers">{offers}</div>
      {history}"""
    return _page(words, content)


def order_page(words: Words, order: OrderView, user: UserView, *, forward: bool) -> HTMLResponse:
    """How an order stands. `forward` takes the buyer on to the payment page; a pending one is looked at again."""
    params = {"credits": order.credits, "price": roubles(order.amount_minor), "balance": user.credits}
    refresh = ""
    action = f'<a class="primary" href="/web/shop">{words.say("web-back")}</a>'
    if order.state is OrderState.PENDING and order.link is not None:
        target = f"0;url={order.link}" if forward else str(_LOOK_AGAIN_SECONDS)
        refresh = f'<meta http-equiv="refresh" content="{escape(target)}">'
        action = f"""<a class="primary" href="{escape(order.link)}">{words.say("web-pay", **params)}</a>
      <a class="quiet" href="/web/shop">{words.say("web-back")}</a>"""
    content = f"""
      <div class="mark mark-{_LOOKS[order.state]}" aria-hidden="true"></div>
      <h1>{words.say(f"web-state-{order.state}")}</h1>
      <p class="dim">{words.say(f"web-state-{order.state}-text", **params)}</p>
      {action}"""
    return _page(words, content, head=refresh)


def roubles(kopecks: int) -> str:
    """A price as people write it: `1 990 ₽`, `99,50 ₽`."""
    whole, rest = divmod(kopecks, 100)
    written = f"{whole:,}".replace(",", "\u00a0")
    return f"{written},{rest:02d}\u00a0₽" if rest else f"{written}\u00a0₽"


def _offer(words: Words, product: Product, request_key: str) -> str:
    days = f'<span class="dim">{words.say("web-premium", days=product.days)}</span>' if product.days else ""
    return f"""
        <form class="offer" method="post" action="/web/orders">
          <input type="hidden" name="product" value="{escape(product.key)}">
          <input type="hidden" name="key" value="{escape(f"{request_key}-{product.key}")}">
          <span class="offer-name">{escape(product.title(words.language))}</span>
          <span class="offer-credits">{words.say("web-credits", credits=product.credits)}</span>
          {days}
          <button class="primary">{words.say("web-buy", price=roubles(product.rub_kopecks or 0))}</button>
        </form>"""


def _line(words: Words, order: OrderView) -> str:
    return f"""
          <li><a href="/web/orders/{order.id}">
            <span>{words.say("web-credits", credits=order.credits)} · {roubles(order.amount_minor)}</span>
            <span class="state state-{_LOOKS[order.state]}">{words.say(f"web-state-{order.state}")}</span>
          </a></li>"""


def _page(words: Words, content: str, *, head: str = "", status_code: int = 200) -> HTMLResponse:
    html = f"""<!doctype html>
<html lang="{words.language}">
  <head>
    <meta charset="utf-8">
    <title>Starbrush</title>
    <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
    <meta name="color-scheme" content="light dark">
    <meta name="robots" content="noindex">
    {head}
    <link rel="icon" href="/web/icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="/web/style.css">
  </head>
  <body>
    <main>
      <header><span class="star" aria-hidden="true">✦</span> Starbrush</header>
      <section>{content}
      </section>
      <footer>{words.say("web-footer")}</footer>
    </main>
  </body>
</html>
"""
    return HTMLResponse(html, status_code=status_code, headers=HEADERS)
