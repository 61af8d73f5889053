"""/quick and the switch of quick mode, by itself or on a card."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from app.adapters.telegram.callbacks import Action, Tap
from app.bot.cards import edit_card
from app.bot.conversation import Conversation
from app.bot.taps import OnTap


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="quick")
    router.message.register(offer, Command("quick"))
    router.callback_query.register(switch, OnTap(Action.QUICK, with_id=False))
    return router


async def offer(_message: Message, conversation: Conversation) -> None:
    """What quick mode is, and its switch."""
    await conversation.show("quick", {"enabled": conversation.user.quick_mode})


async def switch(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Switch it to what the button said, so that a double tap does so once."""
    user = await conversation.services.users.set_quick_mode(conversation.actor, enabled=tap.value == "1")
    conversation.speak(user)
    if tap.id is None:
        await conversation.edit("quick", {"enabled": user.quick_mode})
        return
    await edit_card(conversation, await conversation.services.drafts.get(conversation.actor, tap.id))
