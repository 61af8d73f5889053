"""/promo CODE, and the same from a link."""

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from app.bot.conversation import Conversation
from app.bot.promos import redeem


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="promo")
    router.message.register(enter, Command("promo"))
    return router


async def enter(_message: Message, command: CommandObject, conversation: Conversation) -> None:
    """Redeem the code behind the command; without one, say how."""
    if not command.args:
        await conversation.say("promo-ask")
        return
    await redeem(conversation, command.args.strip())
