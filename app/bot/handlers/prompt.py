"""Plain text: a card, or for who opted in to quick mode a start."""

from aiogram import F, Router
from aiogram.types import Message

from app.bot.bills import offer_payment
from app.bot.cards import show_card
from app.bot.conversation import Conversation
from app.domain.errors import DuplicateRequest, InsufficientCredits, ValidationFailed
from app.domain.generations.models import Origin
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
        draft = await conversation.services.drafts.create(
            conversation.actor, NewDraft(prompt=text, update_id=conversation.update_id)
        )
    except ValidationFailed:
        await _complain(conversation, text)
        return
    if not conversation.user.quick_mode:
        await show_card(conversation, draft)
        return
    try:
        # The draft is the update's, and its id the only key under which it starts: repeated after its card was
        # started by hand, the same update must not start it a second time.
        await conversation.services.drafts.start(conversation.actor, draft.id, origin=Origin.BOT)
    except InsufficientCredits as error:
        await offer_payment(conversation, draft, error)
    except DuplicateRequest:
        # Telegram repeated the update: it was accepted the first time, and its progress is on the way.
        return


async def _complain(conversation: Conversation, text: str) -> None:
    limit = conversation.settings.prompt_max_characters
    if len(text) > limit:
        await conversation.say("prompt-too-long", length=len(text), limit=limit)
    else:
        await conversation.say("prompt-unreadable")
