"""/help."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message

from app.bot.conversation import Conversation
from app.bot.middlewares import OPEN_TO_ALL


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="help")
    router.message.register(explain, Command("help"), flags={OPEN_TO_ALL: True})
    return router


async def explain(_message: Message, conversation: Conversation) -> None:
    """How it works, and every command."""
    await conversation.say("help")
