"""/buy: what is on sale, for oneself or as a gift, and the bill for it."""

from typing import Final

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from app.adapters.telegram.callbacks import Action, Tap
from app.adapters.telegram.money_keyboards import GIFTS, SELF
from app.bot.bills import bill, stars_order
from app.bot.conversation import Conversation
from app.bot.gifts import gift_params
from app.bot.taps import OnTap
from app.domain.catalog.views import Product, ProductKind
from app.domain.payments.models import Method
from app.domain.payments.views import NewOrder

# Of one's own gifts, the newest.
_GIFTS_SHOWN: Final = 5


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="shop")
    router.message.register(show, Command("buy"))
    router.callback_query.register(turn, OnTap(Action.SHOP, with_id=False))
    router.callback_query.register(buy, OnTap(Action.BUY, Action.BUY_GIFT, with_id=False))
    router.callback_query.register(pay_exactly, OnTap(Action.PAY_EXACTLY))
    return router


async def show(_message: Message, conversation: Conversation) -> None:
    """Everything that is on sale."""
    await conversation.show("shop", await _params(conversation, is_gift=False))


async def turn(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """From one half of the shop to the other in the same message; from elsewhere in a new one."""
    params = await _params(conversation, is_gift=tap.value == GIFTS)
    if tap.value in {GIFTS, SELF}:
        await conversation.edit("shop", params)
    else:
        await conversation.show("shop", params)


async def buy(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """The bill for a product. The price on it is today's, and locked."""
    product = await conversation.services.catalog.get_product(tap.value)
    is_gift = tap.action is Action.BUY_GIFT
    await bill(conversation, stars_order(product_key=product.key, is_gift=is_gift), by_link=product.recurring)


async def pay_exactly(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """The bill for exactly one draft, which starts by itself when it is paid."""
    await bill(conversation, NewOrder(method=Method.STARS, draft_id=tap.subject))


async def _params(conversation: Conversation, *, is_gift: bool) -> dict[str, object]:
    products = await conversation.services.catalog.list_products()
    kinds = {ProductKind.PACK} if is_gift else {ProductKind.PACK, ProductKind.SUBSCRIPTION}
    gifts = await conversation.services.gifts.list_own(conversation.actor, limit=_GIFTS_SHOWN) if is_gift else []
    until = conversation.user.tier_until
    return {
        "products": [_product(product, conversation.language) for product in products if product.kind in kinds],
        "has_packs": any(product.kind is ProductKind.PACK for product in products),
        "credits": conversation.user.credits,
        "premium_until": until.isoformat() if until else None,
        "is_gift": is_gift,
        "gifts": [gift_params(gift) for gift in gifts],
    }


def _product(product: Product, language: str) -> dict[str, object]:
    return {
        "key": product.key,
        "title": product.title(language),
        "stars": product.stars,
        "credits": product.credits,
        "days": product.days,
        "recurring": product.recurring,
    }
