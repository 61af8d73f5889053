"""Photos of the chat, as messages carry them; replies to them and to results."""

from dataclasses import replace

from aiogram.types import Message

from app.adapters.telegram.callbacks import Action, parse
from app.bot.cards import show_or_start
from app.bot.conversation import Conversation
from app.domain.errors import ValidationFailed
from app.domain.generations.intake import ChatMessage, ShownOutput
from app.domain.generations.models import Kind
from app.domain.generations.views import ChatFile


def file_of(message: Message) -> ChatFile | None:
    """The picture of a message: its largest size, or the file. Telegram calls an animation a document as well."""
    if message.photo:
        largest = message.photo[-1]
        return ChatFile(message.message_id, largest.file_id, largest.file_size)
    if message.document is not None and message.animation is None:
        document = message.document
        return ChatFile(message.message_id, document.file_id, document.file_size, document.file_name)
    return None


async def take_photo(
    conversation: Conversation,
    file: ChatFile,
    words: str,
    *,
    media_group_id: str | None = None,
    is_reply: bool = False,
) -> None:
    """Have the photo's card put together. Words that are too long are refused, and the photo is taken without them."""
    intake, actor = conversation.services.intake, conversation.actor
    message = ChatMessage(conversation.update_id, conversation.chat_id, words, file, media_group_id, is_reply=is_reply)
    try:
        await intake.take_photo(actor, message)
    except ValidationFailed:
        await complain(conversation, words)
        await intake.take_photo(actor, replace(message, words=""))


async def edit_replied(conversation: Conversation, message: Message) -> bool:
    """A text that answers a picture is what is to change in it; False when it answers none.

    Raises: whatever `DraftService.derive` raises.
    """
    replied, words = message.reply_to_message, message.text or ""
    if replied is None:
        return False
    shown = await _find_shown(conversation, replied)
    if shown is not None and shown.is_picture:
        draft = await conversation.services.drafts.derive(
            conversation.actor,
            shown.generation_id,
            kind=Kind.EDIT,
            output_index=shown.output_index,
            prompt=words,
            update_id=conversation.update_id,
        )
        await show_or_start(conversation, draft)
        return True
    if replied.video is not None or replied.animation is not None:
        await conversation.say("only-pictures-are-edited")
        return True
    file = file_of(replied)
    if file is None:
        return False
    await take_photo(conversation, file, words, is_reply=True)
    return True


async def _find_shown(conversation: Conversation, replied: Message) -> ShownOutput | None:
    """Which result it shows: as was noted when it was sent, or as its buttons say, should that note be missing."""
    intake, actor = conversation.services.intake, conversation.actor
    shown = await intake.find_shown(actor, replied.message_id)
    if shown is not None or replied.text is not None or replied.reply_markup is None:
        return shown
    buttons = (button for row in replied.reply_markup.inline_keyboard for button in row)
    taps = (parse(button.callback_data or "") for button in buttons)
    original = next((tap for tap in taps if tap is not None and tap.action is Action.ORIGINAL), None)
    return None if original is None else await intake.find_only(actor, original.subject)


async def complain(conversation: Conversation, words: str) -> None:
    """Say what is wrong with a prompt."""
    limit = await conversation.services.intake.room(conversation.actor)
    if len(words) > limit:
        await conversation.say("prompt-too-long", length=len(words), limit=limit)
    else:
        await conversation.say("prompt-unreadable")
