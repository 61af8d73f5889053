"""/paysupport, /terms, /privacy: what Telegram demands of bots that sell; open to banned users too."""

from typing import Final

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from app.bot.conversation import Conversation
from app.bot.middlewares import OPEN_TO_ALL

_REQUESTS_PER_HOUR: Final = 5
_LONGEST_REQUEST: Final = 1_000


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="support")
    flags = {OPEN_TO_ALL: True}
    router.message.register(help_with_payments, Command("paysupport"), flags=flags)
    router.message.register(show_terms, Command("terms"), flags=flags)
    router.message.register(show_privacy, Command("privacy"), flags=flags)
    return router


async def help_with_payments(_message: Message, command: CommandObject, conversation: Conversation) -> None:
    """Explain; what is written after the command goes to the operator."""
    number = str(conversation.chat_id)
    if not command.args:
        await conversation.say("paysupport", telegram_id=number)
        return
    if not await conversation.may("paysupport", limit=_REQUESTS_PER_HOUR, window_seconds=3_600):
        await conversation.say("paysupport-enough")
        return
    await conversation.services.alerts.raise_(
        # Each request is a cause of its own: none of them may be folded into another.
        f"paysupport:{conversation.update_id}",
        "alert-paysupport",
        {"telegram_id": number, "request": command.args[:_LONGEST_REQUEST]},
    )
    await conversation.say("paysupport-sent", telegram_id=number)


async def show_terms(_message: Message, conversation: Conversation) -> None:
    """The terms of use."""
    await conversation.say("terms")


async def show_privacy(_message: Message, conversation: Conversation) -> None:
    """What is kept of a user, and what is passed on."""
    await conversation.say("privacy")
