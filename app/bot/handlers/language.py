"""/language: the choice of three, in effect at once."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from app.adapters.telegram.callbacks import Action, Tap
from app.bot.commands import set_chat_commands
from app.bot.conversation import Conversation
from app.bot.taps import OnTap


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="language")
    router.message.register(offer, Command("language"))
    router.callback_query.register(choose, OnTap(Action.LANGUAGE, with_id=False))
    return router


async def offer(_message: Message, conversation: Conversation) -> None:
    """Show the three."""
    await conversation.show("language", {})


async def choose(query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Speak the chosen one from now on; a button without one opens the choice."""
    if not tap.value:
        await conversation.show("language", {})
        return
    user = await conversation.services.users.choose_language(conversation.actor, tap.value)
    conversation.speak(user)
    await conversation.edit("language", {"chosen": True})
    if query.bot is not None:
        await set_chat_commands(
            query.bot, conversation.chat_id, conversation.words, has_web=conversation.settings.cards_enabled
        )
