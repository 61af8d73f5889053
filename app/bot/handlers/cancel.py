"""/cancel: stops the newest open generation, or says honestly that it cannot."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message

from app.bot.conversation import Conversation
from app.bot.middlewares import OPEN_TO_ALL
from app.domain.errors import GenerationNotCancellable
from app.domain.generations.models import Kind, Status


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="cancel")
    router.message.register(cancel_newest, Command("cancel"), flags={OPEN_TO_ALL: True})
    return router


async def cancel_newest(_message: Message, conversation: Conversation) -> None:
    """Cancel what was started last. What follows from it, the money included, is told through the outbox."""
    generations = conversation.services.generations
    active = await generations.list_active(conversation.actor)
    if await conversation.services.drafts.wait_no_more(conversation.actor):
        # The question is what the user sees last; work that is under way has a button of its own.
        await conversation.say("cancel-question")
        return
    if not active:
        await conversation.say("cancel-nothing")
        return
    try:
        view = await generations.cancel(conversation.actor, active[0].id)
    except GenerationNotCancellable:
        await conversation.say("cancel-too-late")
        return
    if view.status is not Status.CANCELLED:
        await conversation.say("cancel-asked-pack" if view.kind is Kind.PACK else "cancel-asked")
