"""The clean picture of a result with a watermark: what it costs, for credits or for Stars."""

import hashlib

from aiogram import Router
from aiogram.types import CallbackQuery

from app.adapters.telegram.callbacks import Action, Tap
from app.bot.bills import bill
from app.bot.conversation import Conversation
from app.bot.taps import OnTap
from app.domain.catalog.views import Product, ProductKind
from app.domain.errors import NotFound
from app.domain.limits.request_keys import RequestKey
from app.domain.payments.models import Method
from app.domain.payments.views import NewOrder


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="unlock")
    router.callback_query.register(offer, OnTap(Action.UNLOCK))
    router.callback_query.register(pay_with_credits, OnTap(Action.UNLOCK_CREDITS))
    router.callback_query.register(pay_with_stars, OnTap(Action.UNLOCK_STARS))
    return router


async def offer(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Show both prices."""
    product = await _product(conversation)
    await conversation.show(
        "unlock",
        {
            "generation_id": str(tap.subject),
            "credits": product.credits,
            "stars": product.stars,
            "balance": conversation.user.credits,
        },
    )


async def pay_with_credits(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Take the credits, once; the clean picture follows through the outbox."""
    product = await _product(conversation)
    if tap.value != str(product.credits):
        # The offer is older than the price.
        await offer(_query, tap, conversation)
        return
    request_key = RequestKey(f"tg:{conversation.update_id}", "unlock", hashlib.sha256(tap.subject.bytes).digest())
    await conversation.services.unlocks.with_credits(conversation.actor, tap.subject, request_key=request_key)
    await conversation.answer("toast-unlocked")


async def pay_with_stars(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """The bill for it."""
    product = await _product(conversation)
    await bill(conversation, NewOrder(method=Method.STARS, product_key=product.key, generation_id=tap.subject))


async def _product(conversation: Conversation) -> Product:
    for product in await conversation.services.catalog.list_products():
        if product.kind is ProductKind.UNLOCK:
            return product
    raise NotFound(log={"product": "unlock"})
