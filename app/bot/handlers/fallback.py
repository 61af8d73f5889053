"""What nobody else answers: pictures, stickers, unknown commands, buttons of other times."""

from typing import Final

from aiogram import F, Router
from aiogram.types import CallbackQuery, Message

from app.bot.conversation import Conversation

# An album is one message for each of its pictures; one answer is enough.
_ALBUM_SECONDS: Final = 60


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="fallback")
    router.message.register(decline_command, F.text)
    router.message.register(decline_photo, F.photo | F.document)
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


async def decline_photo(message: Message, conversation: Conversation) -> None:
    """Editing pictures is not there yet."""
    album = message.media_group_id
    if album is None or await conversation.may(f"album:{album}", limit=1, window_seconds=_ALBUM_SECONDS):
        await conversation.say("photo-later")


async def ask_for_text(_message: Message, conversation: Conversation) -> None:
    """Say what can be understood."""
    await conversation.say("only-text")


async def decline_tap(_query: CallbackQuery, conversation: Conversation) -> None:
    """A button that no handler knows: of an old version, or made up."""
    await conversation.answer("toast-outdated", is_alert=True)
