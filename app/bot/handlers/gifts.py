"""Gifts of one's own: take one back."""

from aiogram import Router
from aiogram.types import CallbackQuery

from app.adapters.telegram.callbacks import Action, Tap
from app.bot.conversation import Conversation
from app.bot.gifts import gift_params
from app.bot.taps import OnTap


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="gifts")
    router.callback_query.register(revoke, OnTap(Action.GIFT_REVOKE))
    return router


async def revoke(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Take it back; the message tells so from now on."""
    gift = await conversation.services.gifts.revoke(conversation.actor, tap.subject)
    await conversation.answer("toast-gift-revoked")
    await conversation.edit("gift", gift_params(gift))
