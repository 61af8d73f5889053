"""Photos and files: each is written into a draft, whose card follows once they are fetched."""

from aiogram import F, Router
from aiogram.types import CallbackQuery, Message

from app.adapters.telegram.callbacks import Action, Tap
from app.bot.cards import ask_for_words, edit_card, show_card
from app.bot.conversation import Conversation
from app.bot.photos import file_of, take_photo
from app.bot.taps import OnTap
from app.domain.generations.models import Awaits, Kind
from app.domain.generations.requests import NewDraft

_DOUBLE_TAP_SECONDS = 1


def build_router() -> Router:
    """The handlers of this topic."""
    router = Router(name="photo")
    router.message.register(take, F.photo | (F.document & ~F.animation))
    router.callback_query.register(convert, OnTap(Action.CONVERT))
    router.callback_query.register(begin, OnTap(Action.NEW, with_id=False))
    return router


async def take(message: Message, conversation: Conversation) -> None:
    """Take a photo, one part of an album, or a file."""
    file = file_of(message)
    if file is not None:
        await take_photo(conversation, file, message.caption or "", media_group_id=message.media_group_id)


async def convert(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Make something else of a draft: its card changes, or a question without one gets its answer below."""
    kind = _kind(tap)
    if kind is None or not await conversation.may(
        f"convert:{tap.subject}:{kind}", limit=1, window_seconds=_DOUBLE_TAP_SECONDS
    ):
        return
    draft = await conversation.services.drafts.convert(
        conversation.actor, tap.subject, kind=kind, update_id=conversation.update_id
    )
    if draft.awaits is not None:
        await ask_for_words(conversation, draft)
    elif draft.prompt:
        await edit_card(conversation, draft)
    else:
        await show_card(conversation, draft)


async def begin(_query: CallbackQuery, tap: Tap, conversation: Conversation) -> None:
    """Ask for what a new one is to show; a photo will do as well."""
    kind = _kind(tap)
    if kind is None:
        return
    draft = await conversation.services.drafts.create(
        conversation.actor, NewDraft(prompt="", kind=kind, awaits=Awaits.EITHER, update_id=conversation.update_id)
    )
    await ask_for_words(conversation, draft)


def _kind(tap: Tap) -> Kind | None:
    """The kind that a button names; None of anything that no button of ours does."""
    return next((kind for kind in Kind if kind == tap.value), None)
