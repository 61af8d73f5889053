"""What nobody else answers: stickers, voices, videos, unknown commands, buttons of other times."""

from aiogram import F, Router
from aiogram.types import CallbackQuery, Message

from app.bot.conversation import Conversation


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="fallback")
    router.message.register(decline_command, F.text)
    router.message.register(
        ask_for_text,
        F.sticker
        | F.voice
        | F.audio
        | F.video
        | F.video_note
        | F.animation
        | F.contact
        | F.location
        | F.venue
        | F.poll
        | F.dice
        | F.story,
    )
    router.callback_query.register(decline_tap)
    return router


async def decline_command(_message: Message, conversation: Conversation) -> None:
    """Texts that are prompts were taken before; this one begins like a command."""
    await conversation.say("unknown-command")


async def ask_for_text(_message: Message, conversation: Conversation) -> None:
    """Say what can be understood."""
    await conversation.say("only-text")


async def decline_tap(_query: CallbackQuery, conversation: Conversation) -> None:
    """A button that no handler knows: of an old version, or made up."""
    await conversation.answer("toast-outdated", is_alert=True)
