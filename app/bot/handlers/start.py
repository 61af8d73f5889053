"""/start and its deep links."""

import re
from typing import Final
from uuid import UUID

from aiogram import Router
from aiogram.filters import CommandObject, CommandStart
from aiogram.types import Message

from app.bot.conversation import Conversation
from app.bot.views import show_generation
from app.core.ids import expand
from app.domain.errors import GenerationNotFound

# Bot API, "Deep linking": up to 64 of these characters.
_PAYLOAD: Final = re.compile(r"(?P<kind>ref|promo|gift|gen)_(?P<value>[A-Za-z0-9_-]{1,58})")


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="start")
    router.message.register(greet, CommandStart())
    return router


async def greet(message: Message, command: CommandObject, conversation: Conversation) -> None:
    """Greet; a link to one of their own generations shows it instead."""
    generation_id = linked_generation(command.args)
    if generation_id is not None:
        try:
            view = await conversation.services.generations.get(conversation.actor, generation_id)
        except GenerationNotFound:
            # Somebody shared a link to their own picture: who has just come through it is greeted all the same.
            if not conversation.granted_credits:
                raise
        else:
            await show_generation(conversation, view)
            return
    await conversation.show(
        "greeting",
        {
            "name": message.from_user.first_name if message.from_user else "",
            "granted": conversation.granted_credits,
            "credits": conversation.user.credits,
        },
    )


def linked_generation(payload: str | None) -> UUID | None:
    """The generation that a link's payload names; None for every other payload, whoever made it up."""
    match = _PAYLOAD.fullmatch(payload or "")
    if match is None or match["kind"] != "gen":
        return None
    try:
        return expand(match["value"])
    except ValueError:
        return None
