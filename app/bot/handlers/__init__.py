"""The handlers, one module a topic. Each parses, makes one service call, and answers."""

from collections.abc import Callable
from typing import Final

from aiogram import Router

from app.bot.handlers import (
    balance,
    cancel,
    card,
    checkout,
    fallback,
    generation,
    gifts,
    help_pages,
    history,
    invite,
    language,
    membership,
    packs,
    photo,
    promo,
    prompt,
    quick,
    shop,
    start,
    styles,
    subscription,
    support,
    unlock,
    web,
)

# In the order in which they are asked; the fallbacks answer what nobody else did.
ROUTERS: Final[tuple[Callable[[], Router], ...]] = (
    checkout.build_router,
    start.build_router,
    packs.build_router,
    shop.build_router,
    subscription.build_router,
    gifts.build_router,
    promo.build_router,
    invite.build_router,
    language.build_router,
    help_pages.build_router,
    balance.build_router,
    styles.build_router,
    history.build_router,
    cancel.build_router,
    quick.build_router,
    support.build_router,
    web.build_router,
    card.build_router,
    generation.build_router,
    unlock.build_router,
    membership.build_router,
    photo.build_router,
    prompt.build_router,
    fallback.build_router,
)
