"""/start and its deep links."""

from uuid import UUID

from aiogram import Router
from aiogram.filters import CommandStart
from aiogram.types import Message

from app.bot.conversation import Conversation
from app.bot.gifts import open_gift
from app.bot.promos import redeem
from app.bot.views import show_generation
from app.core.ids import expand
from app.domain.accounts.starts import Start, StartKind
from app.domain.errors import GenerationNotFound


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="start")
    router.message.register(greet, CommandStart())
    return router


async def greet(message: Message, conversation: Conversation) -> None:
    """Greet; who was here before and comes by a link is shown what it is for instead."""
    if not conversation.is_new:
        # Whoever begins anew does not answer what was asked before.
        await conversation.services.drafts.wait_no_more(conversation.actor)
        if not await _follow(conversation):
            await _greet(message, conversation)
        return
    await _greet(message, conversation)
    try:
        await _follow(conversation)
    except GenerationNotFound:
        # Somebody shared a link to their own picture: who has come through it was greeted, and that is enough.
        return


async def _greet(message: Message, conversation: Conversation) -> None:
    await conversation.show(
        "greeting",
        {
            "name": message.from_user.first_name if message.from_user else "",
            "granted": conversation.granted_credits,
            "credits": conversation.user.credits,
        },
    )


async def _follow(conversation: Conversation) -> bool:
    """Do what the link is for; False when it is for nothing that is left to be done."""
    match conversation.start:
        case Start(StartKind.PROMO, code):
            await redeem(conversation, code)
        case Start(StartKind.GIFT, value) if gift_id := _id(value):
            await open_gift(conversation, gift_id)
        case Start(StartKind.GENERATION, value) if generation_id := _id(value):
            view = await conversation.services.generations.get(conversation.actor, generation_id)
            await show_generation(conversation, view)
        case _:
            return False
    return True


def _id(value: str) -> UUID | None:
    try:
        return expand(value)
    except ValueError:
        return None
