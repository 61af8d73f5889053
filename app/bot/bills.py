"""Sends bills: an order is written first, then its invoice goes into the chat. One tap is one order."""

import hashlib
from dataclasses import asdict
from typing import Final

from app.bot.conversation import Conversation
from app.domain.errors import InsufficientCredits
from app.domain.generations.views import DraftView
from app.domain.limits.request_keys import RequestKey
from app.domain.payments.models import Method
from app.domain.payments.views import NewOrder, OrderView

# A double tap is two updates, and one bill is enough for it.
_DOUBLE_TAP_SECONDS: Final = 2


async def bill(conversation: Conversation, new: NewOrder, *, by_link: bool = False) -> None:
    """Order it and show the bill: an invoice, or for what Telegram renews by itself the link to one.

    Raises: whatever `OrderService.create` raises.
    """
    if not await conversation.may(f"bill:{_name(new)}", limit=1, window_seconds=_DOUBLE_TAP_SECONDS):
        await conversation.answer("toast-buy-twice")
        return
    order = await conversation.services.orders.create(
        conversation.actor, new, request_key=_request_key(conversation, new), wants_link=by_link
    )
    await _show(conversation, order)
    await conversation.answer("toast-bill")


async def offer_payment(conversation: Conversation, draft: DraftView, error: InsufficientCredits) -> None:
    """Credits are short for a draft: show by how much, and the ways on. The draft waits with its price."""
    params = await conversation.services.draft_cards.short(conversation.user, draft, error)
    await conversation.show("short", params)


def stars_order(*, product_key: str | None = None, is_gift: bool = False) -> NewOrder:
    """An order of a product, paid in Stars: inside Telegram there is no other way."""
    return NewOrder(method=Method.STARS, product_key=product_key, is_gift=is_gift)


async def _show(conversation: Conversation, order: OrderView) -> None:
    invoice = await conversation.services.orders.invoice(order, language=conversation.language)
    params = {
        "purpose": invoice.purpose,
        "item": invoice.item,
        "credits": invoice.credits,
        "payload": invoice.payload,
        "stars": invoice.stars,
        "days": invoice.days,
    }
    if order.link is None:
        await conversation.show("bill", params)
    else:
        await conversation.show("subscribe", {**params, "link": order.link})


def _name(new: NewOrder) -> str:
    return ":".join(str(part) for part in (new.product_key, new.draft_id, new.generation_id, new.is_gift))


def _request_key(conversation: Conversation, new: NewOrder) -> RequestKey:
    """The update is the order's key: when Telegram repeats it, the same bill is shown again."""
    digest = hashlib.sha256(repr(sorted(asdict(new).items(), key=str)).encode()).digest()
    return RequestKey(f"tg:{conversation.update_id}", "orders", digest)
