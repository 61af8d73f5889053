"""Plain text: an answer to a picture or to a question, or else a card; for who opted in to quick mode a start."""

from aiogram import F, Router
from aiogram.types import Message

from app.bot.cards import show_or_start
from app.bot.conversation import Conversation
from app.bot.photos import complain, edit_replied
from app.domain.errors import ValidationFailed
from app.domain.generations.intake import ChatMessage
from app.domain.generations.requests import NewDraft


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="prompt")
    router.message.register(draw, F.text, ~F.text.startswith("/"))
    return router


async def draw(message: Message, conversation: Conversation) -> None:
    """Make a draft of the text. The update is its key: repeated, it is the same draft and the same generation."""
    text = message.text or ""
    try:
        if await edit_replied(conversation, message):
            return
        answer = ChatMessage(conversation.update_id, conversation.chat_id, text)
        if await conversation.services.intake.take_text(conversation.actor, answer):
            return
        draft = await conversation.services.drafts.create(
            conversation.actor, NewDraft(prompt=text, update_id=conversation.update_id)
        )
    except ValidationFailed:
        await complain(conversation, text)
        return
    await show_or_start(conversation, draft)
