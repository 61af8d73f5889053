"""/web: a one-time link to the account in an outside browser. What is offered there is not told here."""

from typing import Final

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message

from app.bot.conversation import Conversation
from app.domain.accounts.browser_links import LINK_LIFE

_LINKS_PER_HOUR: Final = 20


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="web")
    router.message.register(send_link, Command("web"))
    return router


async def send_link(_message: Message, conversation: Conversation) -> None:
    """Answer with a new link; earlier ones work on until their time is over."""
    if not await conversation.may("web-link", limit=_LINKS_PER_HOUR, window_seconds=3_600):
        await conversation.say("web-enough")
        return
    token = await conversation.services.browser_links.create(conversation.actor)
    await conversation.say(
        "web-link",
        link=f"{conversation.settings.public_url}/web?auth={token}",
        minutes=int(LINK_LIFE.total_seconds() // 60),
    )
